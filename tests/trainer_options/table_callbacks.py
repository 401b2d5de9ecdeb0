"""Lightning's callbacks that watch, stop and keep; those that change the training are in `table_training_callbacks.py`."""

from pathlib import Path

import torch
from pytorch_lightning import callbacks
from pytorch_lightning.loggers import CSVLogger

from tests.trainer_options import checks
from tests.trainer_options.callback_classes import Own, OwnBar, OwnCheckpoint, Writer
from tests.trainer_options.expectations import Refused, Works, each
from tests.trainer_options.rows import callback_row
from tests.trainer_options.table_lengths import plain
from tests.trainer_options.walking import Run

KEEPS = {"enable_checkpointing": True}


def best_is_of_its_own_step(run: Run) -> None:
    """The value that a step's checkpoint is ranked by is that step's, not one of an epoch before."""
    (keeper,) = (one for one in run.trainer.callbacks if type(one) is callbacks.ModelCheckpoint)  # type: ignore[attr-defined]
    losses = torch.tensor(run.seen.losses, dtype=torch.float64)
    assert len(losses) == run.trainer.global_step
    torch.testing.assert_close(keeper.best_model_score.double(), losses.min(), rtol=1e-6, atol=0)
    kept = torch.load(keeper.best_model_path, weights_only=True)
    assert kept["global_step"] == int(losses.argmin()) + 1


def stopped_early(run: Run) -> None:
    assert run.trainer.current_epoch == 1


def all_test_rows_are_predicted(run: Run) -> None:
    (writer,) = (one for one in run.trainer.callbacks if isinstance(one, Writer))  # type: ignore[attr-defined]
    assert writer.rows == len(run.data.splits["test"][1])


def csv(folder: Path) -> CSVLogger:
    return CSVLogger(folder)


def logged(name: str, value: str, make, expected, **settings):  # type: ignore[no-untyped-def]
    """A row of a callback that writes to a logger."""
    found = callback_row(name, value, make, expected, **settings)
    return type(found)(**{**vars(found), "options": lambda folder: {"callbacks": [make(folder)], "logger": csv(folder)}})


NO_LOGGER = each(Refused("logger", "there is nothing to write to"))
ROWS = [
    callback_row("Callback", "a subclass", lambda _: Own(), plain(checks.ends_after())),
    callback_row(
        "LambdaCallback",
        "on_fit_start",
        lambda _: callbacks.LambdaCallback(on_fit_start=lambda *_: None),
        plain(checks.ends_after()),
    ),
    callback_row(
        "EarlyStopping",
        "val/loss, at 100",
        lambda _: callbacks.EarlyStopping("val/loss", stopping_threshold=100.0),
        plain(stopped_early),
    ),
    callback_row(
        "EarlyStopping",
        "train/objective, at 100",
        lambda _: callbacks.EarlyStopping("train/objective", stopping_threshold=100.0, check_on_train_epoch_end=True),
        plain(stopped_early),
    ),
    callback_row("Timer", "one minute", lambda _: callbacks.Timer("00:00:01:00"), plain(checks.ends_after())),
    callback_row(
        "Timer", "no time", lambda _: callbacks.Timer({"seconds": 0}, verbose=False), each(Works(checks.at_most_steps(1)))
    ),
    callback_row(
        "ModelCheckpoint",
        "every epoch",
        callbacks.ModelCheckpoint,
        plain(checks.wrote("*.ckpt")),
        also=KEEPS,
    ),
    callback_row(
        "ModelCheckpoint",
        "val/loss, save_last",
        lambda folder: callbacks.ModelCheckpoint(folder, monitor="val/loss", save_last=True),
        plain(checks.wrote("last.ckpt")),
        also=KEEPS,
    ),
    callback_row(
        "ModelCheckpoint",
        "train/objective, every step",
        lambda folder: callbacks.ModelCheckpoint(folder, monitor="train/objective", every_n_train_steps=1),
        plain(best_is_of_its_own_step),
        ignored=("Using ModelCheckpoint with manual optimization and every_n_train_steps",),
        also=KEEPS,
    ),
    callback_row(
        "ModelCheckpoint",
        "weights only",
        lambda folder: callbacks.ModelCheckpoint(folder, save_weights_only=True),
        plain(checks.wrote("*.ckpt")),
        also=KEEPS,
    ),
    callback_row("Checkpoint", "a subclass", lambda _: OwnCheckpoint(), plain(checks.ends_after()), also=KEEPS),
    callback_row(
        "OnExceptionCheckpoint",
        "a folder",
        callbacks.OnExceptionCheckpoint,
        plain(checks.wrote_nothing),
        also=KEEPS,
        ignored=("`.fit\\(ckpt_path=None\\)` was called without a model", '.fit\\(ckpt_path="last"\\) is set, but there is no'),
    ),
    callback_row(
        "ProgressBar", "a subclass", lambda _: OwnBar(), plain(checks.ends_after()), also={"enable_progress_bar": True}
    ),
    callback_row(
        "TQDMProgressBar",
        "default",
        lambda _: callbacks.TQDMProgressBar(),
        plain(checks.ends_after()),
        also={"enable_progress_bar": True},
    ),
    callback_row(
        "RichProgressBar",
        "default",
        lambda _: callbacks.RichProgressBar(),
        plain(checks.ends_after()),
        also={"enable_progress_bar": True},
        needs="rich",
    ),
    callback_row(
        "ModelSummary",
        "max_depth=2",
        lambda _: callbacks.ModelSummary(2),
        plain(checks.ends_after()),
        also={"enable_model_summary": True},
    ),
    callback_row(
        "RichModelSummary",
        "default",
        lambda _: callbacks.RichModelSummary(),
        plain(checks.ends_after()),
        also={"enable_model_summary": True},
        needs="rich",
    ),
    logged("LearningRateMonitor", "step", lambda _: callbacks.LearningRateMonitor("step"), plain(checks.logged("lr-"))),
    logged(
        "LearningRateMonitor",
        "epoch, momentum",
        lambda _: callbacks.LearningRateMonitor("epoch", log_momentum=True),
        plain(checks.ends_after()),
        ignored=("You have set log_momentum=True, but some optimizers do not have momentum",),
    ),
    callback_row("LearningRateMonitor", "without a logger", lambda _: callbacks.LearningRateMonitor(), NO_LOGGER),
    logged(
        "DeviceStatsMonitor",
        "cpu_stats=False",
        lambda _: callbacks.DeviceStatsMonitor(cpu_stats=False),
        plain(checks.ends_after()),
    ),
    logged(
        "DeviceStatsMonitor",
        "cpu_stats=True",
        lambda _: callbacks.DeviceStatsMonitor(cpu_stats=True),
        plain(checks.ends_after()),
        needs="psutil",
    ),
    callback_row("DeviceStatsMonitor", "without a logger", lambda _: callbacks.DeviceStatsMonitor(cpu_stats=False), NO_LOGGER),
    logged(
        "ThroughputMonitor",
        "rows",
        lambda _: callbacks.ThroughputMonitor(lambda batch: len(batch[0])),
        plain(checks.ends_after()),
    ),
    callback_row(
        "SpikeDetection", "window=2", lambda _: callbacks.SpikeDetection(window=2, rtol=1e6), plain(checks.ends_after())
    ),
    callback_row(
        "BasePredictionWriter",
        "a subclass",
        lambda _: Writer(),
        each(Works(all_test_rows_are_predicted)),
        after="predict",
        ignored=("Couldn't infer the batch indices",),
    ),
]
