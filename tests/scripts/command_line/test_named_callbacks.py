"""Each of Lightning's callbacks by name: it works, or is refused in one line before anything is computed."""

import json
from pathlib import Path

import pytest
import pytorch_lightning.callbacks as lightning
import torch
from command_line.one_line_errors import run
from fit import main

from tests.scripts.command_line.printed import error_line

pytestmark = pytest.mark.slow

QUICK = ["--trainer.max_epochs=3", "--trainer.accelerator=cpu"]
SETTINGS = {
    "EarlyStopping": ["monitor=val/loss"],
    "GradientAccumulationScheduler": ["scheduling={0: 1}"],
    "ModelCheckpoint": ["monitor=val/loss", "save_last=true"],
    "ModelPruning": ["pruning_fn=l1_unstructured"],
    "OnExceptionCheckpoint": ["dirpath=."],
    "StochasticWeightAveraging": ["swa_lrs=0.1"],
}
REFUSED = {
    "BackboneFinetuning", "BaseFinetuning", "BasePredictionWriter", "BatchSizeFinder", "Callback", "Checkpoint",
    "LearningRateFinder", "ModelPruning", "ProgressBar", "StochasticWeightAveraging", "ThroughputMonitor",
}  # fmt: skip
# What this machine has decides.
EITHER = {"DeviceStatsMonitor", "GradientAccumulationScheduler"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", lightning.__all__)
def test_it_works_or_is_refused(folder: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    settings = [f"--trainer.callbacks.{setting}" for setting in SETTINGS.get(name, [])]
    status = run(main, [f"--trainer.callbacks={name}", *settings, *QUICK])
    if status:
        assert name in REFUSED | EITHER
        assert error_line(capsys)
        assert not list(folder.iterdir()), "nothing is left"
        return
    assert name not in REFUSED
    (summary,) = folder.rglob("summary.json")
    found = json.loads(summary.read_text())
    assert found["status"] == "budget" and found["test/accuracy"] > 0.9
    config = summary.with_name("config.yaml")
    assert "Unable to serialize" not in config.read_text()
    assert run(main, [f"--config={config}", "--trainer.max_epochs=1"]) == 0, "the saved configuration repeats it"


def test_best_weights_are_ours_beside_another_checkpoint(folder: Path) -> None:
    other = ["--trainer.callbacks=ModelCheckpoint", "--trainer.callbacks.monitor=val/accuracy", "--trainer.callbacks.mode=max"]
    assert run(main, [*other, "--model.l2=0", "--trainer.max_epochs=12", "--test_weights=best"]) == 0
    (summary,) = folder.rglob("summary.json")
    with_other = json.loads(summary.read_text())
    assert run(main, ["--model.l2=0", "--trainer.max_epochs=12", "--test_weights=best"]) == 0
    (alone,) = set(folder.rglob("summary.json")) - {summary}
    assert with_other["test/loss"] == json.loads(alone.read_text())["test/loss"]


STOPPING = ["--trainer.callbacks=EarlyStopping", "--trainer.callbacks.monitor=val/loss", "--model.l2=0"]


@pytest.mark.parametrize("name", ["best", "last"])
def test_a_run_goes_on_from_either_checkpoint_under_early_stopping(folder: Path, name: str) -> None:
    assert run(main, [*STOPPING, "--trainer.max_epochs=5"]) == 0
    (path,) = folder.rglob(f"{name}.ckpt")
    assert run(main, [*STOPPING, "--trainer.max_epochs=9"]) == 0
    assert run(main, [*STOPPING, "--trainer.max_epochs=9", f"--ckpt_path={path}"]) == 0
    *_, whole, resumed = sorted(folder.rglob("version_*/summary.json"))
    expected, found = (json.loads(file.read_text()) for file in (whole, resumed))
    for key in ("test/loss", "epochs", "status_message"):
        assert found[key] == expected[key]


AVERAGED = [
    "--model.optimizer=torch.optim.Adam",
    "--trainer.callbacks=StochasticWeightAveraging",
    "--trainer.callbacks.swa_lrs=0.1",
    "--trainer.max_epochs=6",
]


def test_averaged_weights_are_kept_and_a_run_goes_on_without_them(folder: Path) -> None:
    assert run(main, AVERAGED) == 0
    (final,), (last,), (summary,) = (list(folder.rglob(name)) for name in ("final.ckpt", "last.ckpt", "summary.json"))
    weights = [torch.load(path, weights_only=True)["state_dict"]["linear.weight"] for path in (final, last)]
    assert not torch.equal(*weights)
    first = json.loads(summary.read_text())
    assert run(main, [*AVERAGED, "--ckpt_path=last"]) == 0, "all is done, and the same weights are tested again"
    assert json.loads(summary.read_text())["test/loss"] == first["test/loss"]
    assert run(main, [*QUICK, f"--ckpt_path={final}"]) == 1, "without the state of the method"


def test_weights_of_the_last_epoch_are_kept_once(folder: Path) -> None:
    """Negative control."""
    assert run(main, QUICK) == 0
    assert not list(folder.rglob("final.ckpt"))
