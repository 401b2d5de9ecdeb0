"""Options of the Trainer that say what is shown and what is kept of a fit; and Lightning's loggers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytorch_lightning import loggers
from pytorch_lightning.callbacks import EarlyStopping
from pytorch_lightning.profilers import AdvancedProfiler, PassThroughProfiler, SimpleProfiler

from tests.trainer_options import checks
from tests.trainer_options.expectations import Expectation, NotApplicable, each
from tests.trainer_options.rows import Row, trainer_row
from tests.trainer_options.table_lengths import plain

BAREBONES = ("You are trying to `self.log", "You are running with|You are using `Trainer\\(barebones")
# The loggers and profilers that write a page of text at the end.
KEPT = {"logger": False}


def wanted(option: str, value: str, options: dict[str, Any], expected: Mapping[str, Expectation], **more: Any) -> Row:
    return Row(f"Trainer.{option}", value, expected, lambda folder: options, **more)


def profiled(value: str, kind: type) -> Row:
    """A profiler that writes where the run is."""
    expected = plain(checks.all_of(checks.ends_after(), checks.wrote("fit-profile*")))
    return Row("Trainer.profiler", value, expected, lambda folder: {"profiler": kind(dirpath=folder, filename="profile")})


def logger_row(name: str, value: str, options: Any, check: checks.Check, needs: str = "") -> Row:
    return Row(f"loggers.{name}", value, plain(checks.all_of(checks.ends_after(), check)), options, needs=needs)


def csv(folder: Path, name: str = "csv") -> loggers.CSVLogger:
    return loggers.CSVLogger(folder, name=name)


ROWS = [
    wanted("logger", "False", {"logger": False}, plain(checks.wrote_nothing)),
    wanted("logger", "True", {"logger": True}, plain(checks.wrote("events.out.tfevents*"))),
    wanted("logger", "None", {"logger": None}, plain(checks.wrote("events.out.tfevents*"))),
    Row(
        "Trainer.logger",
        "[CSVLogger, CSVLogger]",
        plain(checks.all_of(checks.wrote("a/*/metrics.csv"), checks.wrote("b/*/metrics.csv"))),
        lambda folder: {"logger": [csv(folder, "a"), csv(folder, "b")]},
    ),
    Row(
        "Trainer.log_every_n_steps",
        "2",
        plain(checks.logged("train/objective", 2)),
        lambda folder: {"logger": csv(folder), "log_every_n_steps": 2},
    ),
    Row(
        "Trainer.log_every_n_steps",
        "0",
        plain(checks.ends_after()),
        lambda folder: {"logger": csv(folder), "log_every_n_steps": 0},
    ),
    trainer_row("enable_checkpointing", True, plain(checks.wrote("*.ckpt"))),
    trainer_row("enable_checkpointing", False, plain(checks.wrote_nothing)),
    trainer_row("enable_progress_bar", True, plain(checks.ends_after())),
    trainer_row("enable_model_summary", True, plain(checks.ends_after())),
    wanted("callbacks", "EarlyStopping", {"callbacks": EarlyStopping("val/loss", patience=50)}, plain(checks.ends_after())),
    trainer_row("callbacks", [], plain(checks.ends_after())),
    wanted("profiler", "'simple'", {"profiler": "simple"}, plain(checks.ends_after())),
    wanted("profiler", "'advanced'", {"profiler": "advanced"}, plain(checks.ends_after())),
    wanted(
        "profiler",
        "'pytorch'",
        {"profiler": "pytorch"},
        plain(checks.ends_after()),
        ignored=("The PyTorch Profiler default schedule will be overridden",),
        slow=True,
    ),
    wanted("profiler", "'xla'", {}, each(NotApplicable("needs a TPU"))),
    profiled("SimpleProfiler()", SimpleProfiler),
    profiled("AdvancedProfiler()", AdvancedProfiler),
    wanted("profiler", "PassThroughProfiler()", {"profiler": PassThroughProfiler()}, plain(checks.ends_after())),
    Row("Trainer.barebones", "True", plain(checks.ends_after()), lambda folder: {"barebones": True}, ignored=BAREBONES),
    Row(
        "Trainer.default_root_dir",
        "a folder",
        plain(checks.wrote("elsewhere/checkpoints/*.ckpt")),
        lambda folder: {"default_root_dir": folder / "elsewhere", "enable_checkpointing": True},
    ),
    trainer_row("enable_autolog_hparams", False, plain(checks.ends_after())),
    trainer_row("model_registry", None, plain(checks.ends_after())),
    wanted("model_registry", "'name'", {}, each(NotApplicable("needs litmodels"))),
    logger_row("CSVLogger", "CSVLogger(folder)", lambda folder: {"logger": csv(folder)}, checks.wrote("metrics.csv")),
    logger_row(
        "TensorBoardLogger",
        "TensorBoardLogger(folder)",
        lambda folder: {"logger": loggers.TensorBoardLogger(folder)},
        checks.wrote("events.out.tfevents*"),
    ),
    logger_row(
        "WandbLogger",
        "WandbLogger(offline=True)",
        lambda folder: {"logger": loggers.WandbLogger(save_dir=folder, offline=True)},
        checks.moved,
        "wandb",
    ),
    logger_row(
        "MLFlowLogger",
        "MLFlowLogger('file:…')",
        lambda folder: {"logger": loggers.MLFlowLogger(tracking_uri=f"file:{folder}")},
        checks.moved,
        "mlflow",
    ),
    Row("loggers.CometLogger", "CometLogger()", each(NotApplicable("needs comet_ml and an account"))),
    Row("loggers.LitLogger", "LitLogger()", each(NotApplicable("needs litlogger and an account"))),
    Row("loggers.Logger", "a subclass", plain(checks.ends_after()), lambda folder: {"logger": Silent()}),
]


class Silent(loggers.Logger):
    """A user's own logger that keeps nothing."""

    name, version = "silent", 0

    def log_metrics(self, metrics: Any, step: int | None = None) -> None:
        pass

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        pass
