"""What a fit leaves behind."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from command_line.one_line_errors import run
from command_line.summary import results
from fit import main
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from lightning_modules import LogisticRegression
from tests.conftest import ROOT

FIT = ROOT / "scripts" / "fit.py"


@pytest.fixture(scope="module")
def default_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The main job as a newcomer starts it: its folder and what it printed."""
    folder = tmp_path_factory.mktemp("default")
    done = subprocess.run([sys.executable, str(FIT)], cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr.strip(), "nothing but results is shown"
    (log_dir,) = (folder / "logs").rglob("version_0")
    return log_dir, done.stdout


def test_table_and_path_are_printed(default_run: tuple[Path, str]) -> None:
    log_dir, printed = default_run
    assert "\x1b" not in printed, "colours are for terminals"
    for word in ("test loss", "accuracy", "f1", "auroc", "penalty l2", "epochs", "seconds of training", "converged"):
        assert word in printed
    assert f"logs: {log_dir.relative_to(log_dir.parents[4])}" in printed


def test_summary(default_run: tuple[Path, str]) -> None:
    summary = json.loads((default_run[0] / "summary.json").read_text())
    assert {"test/loss", "test/accuracy", "test/f1", "test/auroc", "epochs", "train_seconds", "status", "versions"} <= set(
        summary
    )
    named = {name: summary[name] for name in ("method", "model", "data", "seed", "status")}
    assert named == {
        "method": "Newton",
        "model": "LogisticRegression",
        "data": "BreastCancerDataModule",
        "seed": 0,
        "status": "converged",
    }
    assert summary["test/accuracy"] > 0.95 and summary["l2"] == 0.01
    assert summary["versions"]["torch"] == torch.__version__.split("+")[0]


def test_checkpoints_rebuild_the_model(default_run: tuple[Path, str]) -> None:
    """From the command line the method is plain configuration: no argument is needed to load."""
    for name in ("best", "last"):
        model = LogisticRegression.load_from_checkpoint(default_run[0] / "checkpoints" / f"{name}.ckpt")
        assert type(model.configure_optimizers()).__name__ == "Newton"
        assert model.linear.weight.dtype == torch.float64


def tags_of(log_dir: Path) -> dict[str, set[str]]:
    """What TensorBoard's own reader finds, by kind."""
    tags: dict[str, set[str]] = {"scalars": set(), "images": set(), "tensors": set(), "hparams": set()}
    for file in log_dir.glob("events.out.tfevents.*"):
        events = EventAccumulator(str(file)).Reload()
        for kind in ("scalars", "images", "tensors"):
            tags[kind] |= set(events.Tags()[kind])
        tags["hparams"] |= {tag.removeprefix("_hparams_/") for tag in events.summary_metadata if tag.startswith("_hparams_/")}
    return tags


def test_tensorboard_shows_what_is_promised(default_run: tuple[Path, str]) -> None:
    tags = tags_of(default_run[0])
    metrics = {f"{split}/{name}" for split in ("train", "val", "test") for name in ("loss", "accuracy", "f1", "auroc")}
    curvature = {f"curvature/{name}" for name in ("damping", "gain_ratio", "newton_decrement", "condition", "eigenvalue_min")}
    assert metrics | curvature <= tags["scalars"]
    assert {"grad_norm/linear", "grad_norm/total", "time/train_seconds", "train/objective", "train/converged"} <= tags[
        "scalars"
    ]
    assert {"test/confusion_matrix", "test/class_accuracy"} <= tags["images"]
    curves = {tag.partition("/")[0] for tag in tags["scalars"]}
    assert {tag.partition("/")[0] for tag in tags["images"]} <= curves, "TensorBoard opens the first groups of names"
    assert {"status/text_summary", "summary/text_summary", "custom_scalars__config__"} <= tags["tensors"]
    assert {"experiment", "session_start_info", "session_end_info"} <= tags["hparams"]


def test_saved_config_repeats_the_run(default_run: tuple[Path, str], tmp_path: Path) -> None:
    config = default_run[0] / "config.yaml"
    assert yaml.safe_load(config.read_text())["model"]["init_args"]["optimizer"]["init_args"]["damping"] == "adaptive"
    assert run(main, [f"--config={config}", f"--trainer.default_root_dir={tmp_path}"]) == 0
    (summary,) = tmp_path.rglob("summary.json")
    first = json.loads((default_run[0] / "summary.json").read_text())
    second = json.loads(summary.read_text())
    assert {k: v for k, v in first.items() if k.startswith("test/")} == {
        k: v for k, v in second.items() if k.startswith("test/")
    }


@pytest.fixture
def summary_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs fit.py's main in an empty folder and returns the summary."""
    monkeypatch.chdir(tmp_path)

    def fit(*args: str) -> dict[str, Any]:
        before = set(tmp_path.rglob("summary.json"))
        assert run(main, list(args)) == 0
        (path,) = set(tmp_path.rglob("summary.json")) - before
        return json.loads(path.read_text())

    return fit


def test_every_part_can_be_replaced(summary_of: Any) -> None:
    summary = summary_of(
        "--data=IrisDataModule", "--model=SoftmaxRegression", "--model.l2=0.1", "--model.optimizer=DiagonalNewton",
        "--model.optimizer.lr=0.5", "--trainer.max_epochs=7", "--seed_everything=3",
    )  # fmt: skip
    found = [summary[name] for name in ("data", "model", "method", "epochs", "seed")]
    assert found == ["IrisDataModule", "SoftmaxRegression", "DiagonalNewton", 7, 3]


def test_a_model_that_is_named_has_no_penalty_unless_asked_for(summary_of: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """The classes of breast cancer are separated; negative control: the penalty of the default configuration hides that."""
    for options, l2, status in ((("--model=LogisticRegression",), 0, "separated"), ((), 0.01, "converged")):
        summary = summary_of(*options)
        assert (summary["l2"], summary["status"]) == (l2, status)
        (row,) = (line for line in capsys.readouterr().out.splitlines() if "penalty l2" in line)
        assert row.split() == ["│", "penalty", "l2", "│", f"{l2:g}", "│"]


def test_own_table_is_one_command_away(summary_of: Any) -> None:
    rows = ["size,colour,price"] + [f"{i},{'red' if i % 2 else 'blue'},{3.5 * i + (i % 2) + 0.01 * (i % 5)}" for i in range(50)]
    Path("fruit.csv").write_text("\n".join(rows) + "\n")
    summary = summary_of("--data=TabularDataModule", "--data.path=fruit.csv", "--data.target=price", "--model=LinearRegression")
    assert summary["status"] == "converged"
    assert summary["test/r2"] > 0.999
    (log_dir,) = (path.parent for path in Path("logs").rglob("summary.json"))
    assert "train/coefficients" in tags_of(log_dir)["images"], "the intervals of a model without penalty"


def test_versions_do_not_overwrite_each_other(summary_of: Any) -> None:
    for _ in range(2):
        summary_of("--trainer.max_epochs=2")
    assert sorted(path.name for path in Path("logs").rglob("version_*")) == ["version_0", "version_1"]


def test_best_weights_can_be_tested(summary_of: Any) -> None:
    arguments = ("--model.l2=0", "--trainer.max_epochs=25")
    last, best = summary_of(*arguments), summary_of(*arguments, "--test_weights=best")
    assert best["test/loss"] < last["test/loss"], "without a penalty the last weights are those of an overfitted model"
    assert last["weights_epoch"] is None and 1 <= best["weights_epoch"] < best["epochs"], "and it is said whose they are"
    found = dict(results(best))
    assert found["weights tested"] == f"best, of epoch {best['weights_epoch']} of {best['epochs']}"
    assert "weights tested" not in dict(results(last))


def test_no_validation_still_leaves_a_checkpoint(summary_of: Any) -> None:
    summary_of("--data.val_fraction=0", "--trainer.max_epochs=2")
    assert [path.name for path in Path("logs").rglob("*.ckpt")] == ["last.ckpt"]


def test_without_a_logger_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    args = ["--trainer.logger=false", "--trainer.enable_checkpointing=false", "--trainer.max_epochs=2"]
    assert run(main, args) == 0
    assert not list(tmp_path.iterdir())


def test_a_run_that_fails_on_the_way_says_so_in_its_summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    args = ["--model.optimizer=GradientDescent", "--model.optimizer.lr=1e160", "--model.l2=1"]
    assert run(main, args) == 1
    (summary,) = tmp_path.rglob("summary.json")
    assert json.loads(summary.read_text())["status"] == "failed"


def test_print_config_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--print_config"])
    assert not stop.value.code
    assert yaml.safe_load(capsys.readouterr().out)["model"]["class_path"].endswith("LogisticRegression")
    main(["--model.optimizer.help=Newton"])
    explained = capsys.readouterr().out
    for option in ("lr", "damping", "curvature", "solver", "search", "tolerance"):
        assert f"--model.optimizer.{option}" in explained


@pytest.mark.parametrize("processes", [2])
def test_two_processes_from_the_command_line(processes: int, default_run: tuple[Path, str], tmp_path: Path) -> None:
    command = [
        sys.executable,
        str(FIT),
        f"--trainer.devices={processes}",
        "--trainer.strategy=ddp",
        "--trainer.accelerator=cpu",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    (summary,) = tmp_path.rglob("summary.json")
    together, alone = json.loads(summary.read_text()), json.loads((default_run[0] / "summary.json").read_text())
    for name in ("test/loss", "test/accuracy", "test/auroc", "test/f1"):
        assert together[name] == pytest.approx(alone[name], abs=1e-7)
    assert (together["epochs"], together["status"]) == (alone["epochs"], "converged")
