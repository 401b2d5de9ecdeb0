"""A run goes on from a checkpoint of its own, or is told whose it is."""

import json
from pathlib import Path

import pytest
import torch
from command_line.one_line_errors import run
from command_line.run_settings import differences
from fit import main

from callbacks.resuming.run_settings import RunSettings
from datamodules import IrisDataModule, TabularDataModule

pytestmark = pytest.mark.slow

ADAM = ["--model.optimizer=torch.optim.Adam", "--model.optimizer.lr=0.1"]
IRIS = ["--data=IrisDataModule", "--data.batch_size=50", "--model=SoftmaxRegression", *ADAM, "--trainer.max_epochs=2"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a run of seed 1."""
    monkeypatch.chdir(tmp_path)
    assert run(main, [*IRIS, "--seed_everything=1"]) == 0
    return tmp_path


OTHERS = {
    "seed": (["--seed_everything=2"], "seed_everything=1, not 2"),
    "split": (["--data.seed=2"], "data.seed=0, not 2"),
    "batch": (["--data.batch_size=30"], "data.batch_size=50, not 30"),
    "precision": (["--trainer.precision=32-true"], "trainer.precision='64-true', not '32-true'"),
    "penalty": (["--model.l2=0.5"], "model.l2=0.0, not 0.5"),
    "step": (["--model.optimizer.lr=0.2"], "model.optimizer.lr=0.1, not 0.2"),
    "clipping": (["--trainer.gradient_clip_val=1"], "trainer.gradient_clip_val=None, not 1"),
    "batches": (["--trainer.limit_train_batches=1"], "trainer.limit_train_batches=None, not 1"),
    "overfitting": (["--trainer.overfit_batches=1"], "trainer.overfit_batches=0.0, not 1"),
    "accumulation": (["--trainer.accumulate_grad_batches=2"], "trainer.accumulate_grad_batches=1, not 2"),
}


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("wanted", ["last", pytest.param("path", marks=pytest.mark.slow)])
def test_settings_of_another_run_are_named(folder: Path, capsys: pytest.CaptureFixture[str], kind: str, wanted: str) -> None:
    args, said = OTHERS[kind]
    (last,) = folder.rglob("last.ckpt")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    capsys.readouterr()
    ckpt = wanted if wanted == "last" else last
    assert run(main, [*IRIS, "--seed_everything=1", "--trainer.max_epochs=4", *args, f"--ckpt_path={ckpt}"])
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and said in error
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_seed_killed_before_its_first_checkpoint(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The attack: the other run's folder is there, empty, and newer."""
    killed = next(folder.rglob("version_0")).with_name("version_1")
    killed.mkdir()
    assert run(main, [*IRIS, "--seed_everything=2", "--ckpt_path=last"])
    assert "seed_everything=1, not 2" in capsys.readouterr().err
    assert json.loads(next(folder.rglob("summary.json")).read_text())["seed"] == 1, "it is not relabelled"


def test_last_is_the_last_of_this_run(folder: Path) -> None:
    """Of two runs that differ in the seed each goes on from its own, whichever was written last."""
    assert run(main, [*IRIS, "--seed_everything=2"]) == 0
    for seed, version in ((1, 0), (2, 1)):
        assert run(main, [*IRIS, f"--seed_everything={seed}", "--trainer.max_epochs=3", "--ckpt_path=last"]) == 0
        (log_dir,) = folder.rglob(f"version_{version}")
        summary = json.loads((log_dir / "summary.json").read_text())
        assert (summary["seed"], summary["epochs"]) == (seed, 3)
    assert len(list(folder.rglob("version_*"))) == 2


def test_what_may_change(folder: Path) -> None:
    """How long, on what and how watched; and another name of the same precision."""
    may = ["--trainer.max_epochs=3", "--trainer.precision=64", "--trainer.log_every_n_steps=2", "--trainer.accelerator=cpu"]
    assert run(main, [*IRIS, "--seed_everything=1", *may, "--ckpt_path=last"]) == 0


@pytest.mark.parametrize("change", ["a cell", "a row more", "the order"])
def test_rows_that_were_edited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], change: str
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [f"{number % 7},{number % 5},{number % 3}" for number in range(60)]
    table = Path("table.csv")
    table.write_text("\n".join(["a,b,y", *rows]) + "\n")
    args = ["--data=TabularDataModule", "--data.path=table.csv", "--data.target=y", "--model=LinearRegression", *ADAM]
    assert run(main, [*args, "--trainer.max_epochs=2"]) == 0
    edited = {"a cell": ["6,6,2", *rows[1:]], "a row more": [*rows, "1,1,1"], "the order": sorted(rows)}[change]
    moved = Path("elsewhere") / "table.csv"
    moved.parent.mkdir()
    moved.write_text("\n".join(["a,b,y", *rows]) + "\n")
    assert run(main, [*args, "--data.path=elsewhere/table.csv", "--trainer.max_epochs=3", "--ckpt_path=last"]) == 0
    table.write_text("\n".join(["a,b,y", *edited]) + "\n")
    capsys.readouterr()
    assert run(main, [*args, "--trainer.max_epochs=4", "--ckpt_path=last"])
    assert "was written with other rows than the data have now" in capsys.readouterr().err


def test_checksum_of_rows(tmp_path: Path) -> None:
    first = IrisDataModule().rows_checksum()
    assert first == IrisDataModule().rows_checksum() != 0
    assert first != IrisDataModule(seed=1).rows_checksum()
    data = IrisDataModule()
    features = data.splits["train"][0]
    features *= 1 + 1e-16
    features += 1e-17  # as another machine may have it
    assert data.rows_checksum() == first
    features[5, 1] += 0.1
    assert data.rows_checksum() != first


@pytest.mark.parametrize("copy", [None, "mapped"])
def test_a_single_cell_of_a_large_table(tmp_path: Path, copy: str | None) -> None:
    path, seen = tmp_path / "large.csv", []
    rows = [f"{row % 11},{row % 2}" for row in range(40_000)]
    for header, changed in (("a,y", None), ("a,y", "3,5"), ("b,y", None)):
        edited = [changed if changed and number == 12_345 else row for number, row in enumerate(rows)]
        path.write_text("\n".join([header, *edited]) + "\n")
        folder = None if copy is None else str(tmp_path / copy)
        seen.append(TabularDataModule(str(path), "y", memory_map=folder, task="regression").rows_checksum())
    assert len(set(seen)) == 3


def test_a_damaged_checkpoint_of_another_run_is_passed_over(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(main, [*IRIS, "--seed_everything=2"]) == 0
    (last,) = folder.rglob("version_1/checkpoints/last.ckpt")
    content = bytearray(last.read_bytes())
    content[len(content) // 2] ^= 1
    last.write_bytes(content)
    assert run(main, [*IRIS, "--seed_everything=1", "--trainer.max_epochs=3", "--ckpt_path=last"]) == 0
    capsys.readouterr()
    assert run(main, [*IRIS, "--seed_everything=2", "--trainer.max_epochs=3", "--ckpt_path=last"])
    assert "version_1/checkpoints/last.ckpt is damaged" in capsys.readouterr().err


def test_nothing_of_this_run_is_left_but_others(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The newest is damaged, and another's; what is said is of the one that it names."""
    assert run(main, [*IRIS, "--seed_everything=2"]) == 0
    damaged = {}
    for version in (1, 0):
        (last,) = folder.rglob(f"version_{version}/checkpoints/last.ckpt")
        damaged[version] = bytearray(last.read_bytes())
        damaged[version][len(damaged[version]) // 2] ^= 1
        last.write_bytes(damaged[version]) if version else None
    args = [*IRIS, "--seed_everything=3", "--trainer.max_epochs=3", "--ckpt_path=last"]
    capsys.readouterr()
    assert run(main, args) == 1
    assert "version_1/checkpoints/last.ckpt is damaged" in capsys.readouterr().err
    last.write_bytes(damaged[0])
    assert run(main, args) == 1
    assert "last.ckpt is damaged" in capsys.readouterr().err


def test_fewer_epochs_than_it_has_had(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(main, [*IRIS, "--seed_everything=1", "--trainer.max_epochs=5", "--ckpt_path=last"]) == 0
    capsys.readouterr()
    assert run(main, [*IRIS, "--seed_everything=1", "--trainer.max_epochs=2", "--ckpt_path=last"])
    assert "the run has gone on beyond 2 epochs already: give more as --trainer.max_epochs" in capsys.readouterr().err


def test_a_checkpoint_of_an_earlier_version_goes_on(folder: Path) -> None:
    (last,) = folder.rglob("last.ckpt")
    content = torch.load(last, weights_only=True)
    assert content[RunSettings.KEY]["settings"]["trainer"]["precision"] == "64-true"
    del content[RunSettings.KEY]
    torch.save(content, last)
    assert run(main, [*IRIS, "--seed_everything=1", "--trainer.max_epochs=3", "--ckpt_path=last"]) == 0


def test_differences_are_by_name() -> None:
    old = {"data": {"class_path": "A", "init_args": {"seed": 0, "path": "x", "gone": 1}}, "n": [1, 2]}
    new = {"data": {"class_path": "B", "init_args": {"seed": 1, "path": "y", "new": 1}}, "n": (1, 2)}
    assert differences(old, old | {}) == []
    assert differences(old, new) == [("data", "A", "B"), ("data.seed", 0, 1), ("n", [1, 2], (1, 2))]


def test_files_that_have_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The table, the rows for the test and the copy on disk may be elsewhere; rows that are divided otherwise may not."""
    monkeypatch.chdir(tmp_path)
    for name, count in (("table.csv", 90), ("new.csv", 30)):
        Path(name).write_text("a,b,y\n" + "".join(f"{row % 7},{row % 5},{row % 3}\n" for row in range(count)))
    args = ["--data=TabularDataModule", "--data.target=y", "--model=LinearRegression", *ADAM]
    first = ["--data.path=table.csv", "--data.test_path=new.csv", "--data.memory_map=mapped"]
    assert run(main, [*args, *first, "--trainer.max_epochs=2"]) == 0
    elsewhere = Path("elsewhere")
    elsewhere.mkdir()
    for name in ("table.csv", "new.csv"):
        Path(name).rename(elsewhere / name)
    moved = [f"--data.path={elsewhere}/table.csv", f"--data.test_path={elsewhere}/new.csv", "--data.memory_map=other"]
    assert run(main, [*args, *moved, "--trainer.max_epochs=3", "--ckpt_path=last"]) == 0
    assert run(main, [*args, *moved[:2], "--trainer.max_epochs=4", "--ckpt_path=last"])
    assert "other rows than the data have now" in capsys.readouterr().err
