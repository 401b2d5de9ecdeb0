"""What LightningCLI and fit.py add to the Trainer: options of the command line, each tried under every method."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.trainer_options.expectations import Expectation, Refused, Works, each, split

# Assert something of the run's folder, or of that above all runs where nothing is kept.
FolderCheck = Callable[[Path], None]


@dataclass(frozen=True)
class Line:
    """Options that are added to a short run of fit.py.

    Attributes:
        option: its name, as on the page of options.
        value: as one types it.
        expected: by the name of the method; the check of `Works` is asked of the run's folder.
        args: made for the folder that the run writes to.
        keeps: whether there is a folder with a summary at the end.
        again: the same command a second time, with these further options.
        needs: a package without which there is nothing to try.
    """

    option: str
    value: str
    expected: Mapping[str, Expectation]
    args: Callable[[Path], list[str]]
    keeps: bool = True
    again: tuple[str, ...] = ()
    needs: str = ""

    @property
    def label(self) -> str:
        return f"{self.option}={self.value}"


def line(option: str, value: str, expected: Mapping[str, Expectation], *more: str, **settings: object) -> Line:
    """One option; FOLDER in it is the run's root."""
    args = [f"{option}={value}" if value else option, *more]
    return Line(option, value, expected, lambda root: [arg.replace("FOLDER", str(root)) for arg in args], **settings)  # type: ignore[arg-type]


def has(pattern: str) -> FolderCheck:
    def check(folder: Path) -> None:
        assert list(folder.rglob(pattern)), sorted(folder.rglob("*"))

    return check


def summary_says(name: str, value: object) -> FolderCheck:
    def check(folder: Path) -> None:
        assert json.loads((folder / "summary.json").read_text())[name] == value

    return check


def goes_on(folder: Path) -> None:
    """Resumed: the second command continued in the folder of the first, for its further epochs."""
    assert json.loads((folder / "summary.json").read_text())["epochs"] == 3


def works(check: FolderCheck | None = None) -> dict[str, Expectation]:
    return each(Works(check))


CALLBACKS, LOGGER = "--trainer.callbacks", "--trainer.logger"
LINES = [
    line("--seed_everything", "7", works(summary_says("seed", 7))),
    line("--seed_everything", "true", works()),
    line("--seed_everything", "false", works()),
    line("--test_weights", "best", works(summary_says("weights", "best"))),
    line("--test_weights", "last", works(summary_says("weights", "last"))),
    line("--test_weights", "worst", each(Refused("test_weights", "there are no such weights"))),
    line("--ckpt_path", "nowhere.ckpt", each(Refused("nowhere.ckpt", "there is no such file"))),
    line("--ckpt_path", "last", each(Refused("--ckpt_path=last", "there is no run to go on with"))),
    Line(
        "--ckpt_path",
        "last, after a run",
        works(goes_on),
        lambda root: [],
        again=("--ckpt_path=last", "--trainer.max_epochs=3"),
    ),
    line("--checkpoint_every_n_steps", "1", works(has("last.ckpt"))),
    line("--feature_baselines", "false", works()),
    line("--gradient_norms.every_n_steps", "2", works()),
    line("--test_metrics.every_n_epochs", "2", works()),
    line("--curvature.max_parameters", "0", works()),
    line("--debug", "", works()),
    line("--trainer.fast_dev_run", "true", works(), keeps=False),
    line("--trainer.barebones", "true", works(), keeps=False),
    line("--trainer.limit_test_batches", "0", works(has("summary.json"))),
    line("--trainer.limit_train_batches", "0", each(Refused("limit_train_batches=0", "nothing is left to train on"))),
    line("--trainer.limit_train_batches", "0.1", each(Refused("limit_train_batches", "nothing is left to train on"))),
    line("--trainer.enable_checkpointing", "false", works(has("summary.json"))),
    line("--trainer.max_time", "00:00:01:00", works(has("summary.json"))),
    line(
        "--trainer.gradient_clip_val", "0.1", split(Refused("gradient_clip_val", "the length of its step is its own"), Works())
    ),
    line(LOGGER, "false", works(), keeps=False),
    line(LOGGER, "true", works(has("events.out.tfevents*"))),
    line(LOGGER, "CSVLogger", works(has("metrics.csv")), f"{LOGGER}.save_dir=FOLDER/csv"),
    line(LOGGER, "CSVLogger", works(has("metrics.csv")), f"{LOGGER}.save_dir=FOLDER/five", f"{LOGGER}.version=5"),
    line(LOGGER, "TensorBoardLogger", works(has("events.out.tfevents*")), f"{LOGGER}.save_dir=FOLDER/tb"),
    line(LOGGER, '[{"class_path": "CSVLogger", "init_args": {"save_dir": "FOLDER/list"}}]', works(has("metrics.csv"))),
    line(LOGGER, "WandbLogger", works(), f"{LOGGER}.offline=true", f"{LOGGER}.save_dir=FOLDER", needs="wandb"),
    line(LOGGER, "MLFlowLogger", works(), f"{LOGGER}.tracking_uri=file:FOLDER/ml", needs="mlflow"),
    line(CALLBACKS, "ModelCheckpoint", works(has("*.ckpt")), f"{CALLBACKS}.monitor=val/loss"),
    line(CALLBACKS, "EarlyStopping", works(has("summary.json")), f"{CALLBACKS}.monitor=val/loss"),
    line(CALLBACKS, "Timer", works(has("summary.json")), f"{CALLBACKS}.duration=00:01:00:00"),
    line(CALLBACKS, "RichProgressBar", works(has("summary.json")), needs="rich"),
    line(CALLBACKS, "LearningRateMonitor", works(has("summary.json"))),
    line("--trainer.strategy", "ddp", works(has("summary.json"))),
]
