"""Checkpoints that were made by hand, or to do harm: one line, little memory, little time."""

import resource
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import export
import fit
import predict
import pytest
import torch
from command_line.checkpoint_form import is_endless
from command_line.one_line_errors import run
from command_line.whole_checkpoints import DamagedCheckpointError, damage, read_checkpoint

from tests.conftest import ROOT

TABLE = ["--data=TabularDataModule", "--data.path=table.csv", "--data.target=y", "--model=SoftmaxRegression"]
ADAM = ["--model.optimizer=torch.optim.Adam", "--model.optimizer.lr=0.1", "--trainer.max_epochs=2"]

MORE = ["--trainer.max_epochs=3"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    rows = [f"{number % 7},{number % 5},{'abc'[number % 3]}" for number in range(60)]
    (folder / "table.csv").write_text("\n".join(["u,v,y", *rows]) + "\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert run(fit.main, [*TABLE, *ADAM]) == 0
    return folder


def bomb(depth: int = 60) -> list[Any]:
    """2⁶⁰ values in sixty lists."""
    values: list[Any] = [1]
    for _ in range(depth):
        values = [values, values]
    return values


def at(*keys: Any) -> Callable[[Any, Any], None]:
    """Puts a value in the place of what is there."""

    def put(content: Any, value: Any) -> None:
        for key in keys[:-1]:
            content = content[key]
        content[keys[-1]] = value

    return put


def without(key: str) -> Callable[[Any, Any], None]:
    return lambda content, _: content.pop(key)


NAN = torch.full((3, 2), torch.nan, dtype=torch.float64)
INFINITE = torch.full((3,), torch.inf, dtype=torch.float64)
LOOP = ("loops", "fit_loop")
DATA = ("TabularDataModule", "preprocessing")
# (how it is made, value, whether a prediction notices, whether a run that is to go on does)
MADE: dict[str, tuple[Callable[[Any, Any], None], Any, bool, bool]] = {
    "weights nan": (at("state_dict", "linear.weight"), NAN, True, True),
    "bias infinite": (at("state_dict", "linear.bias"), INFINITE, True, True),
    "weights sparse": (at("state_dict", "linear.weight"), torch.zeros(3, 2).to_sparse(), True, True),
    "weights complex": (at("state_dict", "linear.weight"), torch.zeros(3, 2, dtype=torch.complex64), True, True),
    "version of another form": (at("pytorch-lightning_version"), "x y", True, True),
    "means too large": (at(*DATA, "mean"), [10**400, 0], True, True),
    "weights a number": (at("state_dict", "linear.weight"), 3, True, True),
    "weights a list": (at("state_dict"), [1, 2], True, True),
    "weights of another shape": (at("state_dict", "linear.weight"), torch.zeros(7, 7), True, True),
    "weights without names": (at("state_dict"), {1: torch.zeros(2)}, True, True),
    "a weight more": (at("state_dict", "more"), torch.zeros(2), True, True),
    "no weights": (at("state_dict"), {}, True, True),
    "loops a list": (at("loops"), [], True, True),
    "loops empty": (at("loops"), {}, True, True),
    "progress a text": (at(*LOOP, "epoch_progress"), "x", True, True),
    "progress without counts": (at(*LOOP, "epoch_progress"), {}, True, True),
    "progress of texts": (at(*LOOP, "epoch_progress", "current"), {"ready": "x"}, True, True),
    "other progress of texts": (at(*LOOP, "epoch_loop.val_loop.batch_progress"), "x", False, True),
    "loader a text": (at(*LOOP, "state_dict", "combined_loader"), "x", False, True),
    "loader of texts": (at(*LOOP, "state_dict", "combined_loader"), ["x"], False, True),
    "steps a text": (at("global_step"), "x", True, True),
    "epoch negative": (at("epoch"), -3, True, True),
    "optimizer a text": (at("optimizer_states"), "x", True, True),
    "optimizer of texts": (at("optimizer_states"), ["x"], True, True),
    "no optimizer": (at("optimizer_states"), [], False, True),
    "groups of texts": (at("optimizer_states", 0, "param_groups"), ["x"], True, True),
    "groups too many": (at("optimizer_states", 0, "param_groups", 0, "params"), [0, 1, 2, 3], False, True),
    "state of texts": (at("optimizer_states", 0, "state"), {0: "x", 1: "y"}, False, True),
    "callbacks a list": (at("callbacks"), ["x"], True, True),
    "a callback's a text": (at("callbacks", "TrainingTime"), "x", False, True),
    "settings a list": (at("hyper_parameters"), ["x"], True, True),
    "settings of another kind": (at("hyper_parameters", "num_features"), "x", True, True),
    "settings huge": (at("hyper_parameters", "num_features"), 10**12, True, True),
    "settings endless": (at("hyper_parameters", "l2"), bomb(), True, True),
    "data's settings a text": (at("datamodule_hyper_parameters"), "x", True, True),
    "model a number": (at("model_class"), 3, True, True),
    "model of another place": (at("model_class"), "os.system", True, False),
    "method a number": (at("method_class"), 3, True, True),
    "random states a text": (at("random_states"), "x", True, True),
    "random states of another form": (at("random_states"), [{"python": torch.zeros(3)}], False, True),
    "values of texts": (at("monitored_values"), {"val/loss": "x"}, True, True),
    "run's settings a text": (at("run_settings"), "x", True, True),
    "run's settings endless": (at("run_settings", "settings"), {"data": {"a": bomb()}}, True, True),
    "stop a text": (at("stop"), "x", False, True),
    "version a list": (at("pytorch-lightning_version"), ["x"], True, True),
    "no version": (without("pytorch-lightning_version"), None, False, True),
    "preprocessing a text": (at(*DATA), "x", True, True),
    "means of texts": (at(*DATA, "mean"), ["x", "y"], True, True),
    "means too few": (at(*DATA, "mean"), [0.0], True, False),
    "means nan": (at(*DATA, "mean"), [float("nan")] * 2, True, False),
    "encoder empty": (at(*DATA, "encoder"), {}, True, False),
    "columns of texts": (at(*DATA, "encoder", "columns"), ["x"], True, False),
    "encodings of numbers": (at(*DATA, "encoder", "encodings"), [1], True, False),
    "classes numbers": (at(*DATA, "class_names"), [1, 2, 3], True, True),
    "classes too few": (at(*DATA, "class_names"), ["a"], True, False),
}  # fmt: skip


# What a prediction notices a fit does too, and an export is of the same model.
CASES = [
    pytest.param(kind, program, marks=[pytest.mark.slow] * (program is export or (program is fit and MADE[kind][2])))
    for kind in MADE
    for program in (predict, fit, export)
]


@pytest.mark.parametrize(("kind", "program"), CASES)
def test_made_by_hand(
    trained: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    kind: str,
    program: ModuleType,
) -> None:
    """Refused in one line without a word of surprise, or harmless; nothing is left, and it takes no time."""
    change, value, predicts, resumes = MADE[kind]
    monkeypatch.chdir(trained)
    content = torch.load(next(trained.rglob("last.ckpt")), weights_only=True)
    change(content, value)
    made = tmp_path / "made.ckpt"
    torch.save(content, made)
    before = sorted(trained.rglob("*"))
    start = time.monotonic()
    runs = tmp_path / "runs"
    args, is_refused = {
        predict: (["--data=table.csv", f"--ckpt={made}", f"--output={tmp_path / 'p.csv'}"], predicts),
        export: ([f"--ckpt={made}", f"--output={tmp_path / 'p.pt2'}"], predicts and kind != "means nan"),
        fit: ([*TABLE, *ADAM, *MORE, f"--trainer.default_root_dir={runs}", f"--ckpt_path={made}"], resumes),
    }[program]
    capsys.readouterr()
    status = run(program.main, args)
    said = capsys.readouterr().err
    assert bool(status) == is_refused, said
    if status:
        assert said.count("\n") == 1 and "unexpected" not in said, said
        assert not [path for path in (*runs.rglob("*"), *tmp_path.iterdir()) if path.is_file() and path != made]
    assert time.monotonic() - start < 20
    assert sorted(trained.rglob("*")) == before


def test_what_is_read_as_it_was_is_fine(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control of the above."""
    monkeypatch.chdir(trained)
    last = next(trained.rglob("last.ckpt"))
    assert run(predict.main, ["--data=table.csv", f"--ckpt={last}", f"--output={tmp_path / 'p.csv'}"]) == 0
    assert run(fit.main, [*TABLE, *ADAM, *MORE, f"--trainer.default_root_dir={tmp_path}", f"--ckpt_path={last}"]) == 0


@pytest.mark.slow
def test_compressed(trained: Path, tmp_path: Path) -> None:
    """A thousand times as large as its file: nothing of it is unpacked."""
    path = tmp_path / "bomb.ckpt"
    with zipfile.ZipFile(next(trained.rglob("last.ckpt"))) as whole, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name in whole.namelist():
            made.writestr(name, whole.read(name))
        with made.open("bomb", "w", force_zip64=True) as member:
            for _ in range(512):
                member.write(bytes(2**20))
    assert path.stat().st_size < 2**20
    with pytest.raises(DamagedCheckpointError, match="it is compressed, which checkpoints are not"):
        read_checkpoint(path)
    code = (
        "import sys; sys.path[:0] = sys.argv[2:]\n"
        "from command_line.whole_checkpoints import damage\n"
        "from pathlib import Path; import resource\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "assert damage(Path(sys.argv[1]))\n"
        "assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**15, 'KiB'\n"
    )
    subprocess.run([sys.executable, "-c", code, str(path), str(ROOT / "scripts"), str(ROOT)], check=True, timeout=100)
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss


def test_parts_that_overlap(trained: Path, tmp_path: Path) -> None:
    """Members that share their bytes are larger than the file without being compressed."""
    path = tmp_path / "overlap.ckpt"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("archive/data/0", bytes(2**16))
        made.filelist += made.filelist * 50  # type: ignore[attr-defined]
    assert "larger than the file" in str(damage(path))


def test_endless() -> None:
    start = time.monotonic()
    assert is_endless({"a": bomb()})
    itself: list[Any] = []
    itself.append(itself)
    assert is_endless(itself)
    assert not is_endless({"a": [list(range(1000))] * 100})
    assert time.monotonic() - start < 5
