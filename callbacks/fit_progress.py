"""How far a fit is."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import ProgressBar
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

# What a fit is judged by: the first that is measured of each row. All on one line of a terminal.
METRICS = (("train/objective",), ("val/accuracy", "val/mae", "val/loss"))


class FitProgress(ProgressBar):
    """One bar for the whole fit, with the time that is left at most, and the metrics of the last epoch.

    (Lightning's bars are of one epoch each, which is one step where all rows are one batch.) A method that converges ends
    before its bar does.

    Args:
        console: where it is drawn; None = the error stream.
    """

    def __init__(self, console: Console | None = None) -> None:
        super().__init__()
        self.console = console or Console(stderr=True)
        self._enabled = True
        self._progress: Progress | None = None
        self._task = TaskID(0)

    def disable(self) -> None:
        self._enabled = False

    def enable(self) -> None:
        self._enabled = True

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(10),
            TextColumn("≤"),
            TimeRemainingColumn(),
            TextColumn("left  {task.fields[metrics]}"),
        )
        self._progress = Progress(*columns, console=self.console, transient=True, disable=not self._enabled)
        self._progress.start()
        steps = self._steps(trainer)
        self._task = self._progress.add_task(self._epoch(trainer), total=steps, completed=self._done(trainer), metrics="")

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._update(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        metrics = trainer.callback_metrics
        names = [next((name for name in row if name in metrics), None) for row in METRICS]
        texts = (f"{name.removeprefix('train/').replace('/', ' ')} {float(metrics[name]):.4g}" for name in names if name)
        self._update(trainer, metrics="  ".join(texts))

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._stop()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._stop()

    def print(self, *args: Any, **kwargs: Any) -> None:
        """What a model says while the bar is there; it means no markup."""
        (self._progress.console if self._progress else self.console).print(*args, **{"markup": False, "emoji": False, **kwargs})

    @contextmanager
    def work(self, what: str) -> Iterator[None]:
        """Say what is done in the block where there is no step to count: in the bar of the fit, or beside the time it takes.

        Args:
            what: "judging: fitting the probe".
        """
        if self._progress is None:
            columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
            with Progress(*columns, console=self.console, transient=True, disable=not self._enabled) as progress:
                progress.add_task(what, total=None)
                yield
            return
        progress, metrics = self._progress, self._progress.tasks[0].fields["metrics"]
        progress.update(self._task, metrics=what, refresh=True)
        try:
            yield
        finally:
            progress.update(self._task, metrics=metrics)

    def _update(self, trainer: Trainer, **fields: Any) -> None:
        if self._progress is not None:
            self._progress.update(self._task, description=self._epoch(trainer), completed=self._done(trainer), **fields)

    def _stop(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    @staticmethod
    def _epoch(trainer: Trainer) -> str:
        last = f"/{trainer.max_epochs}" if trainer.max_epochs and trainer.max_epochs > 0 else ""
        return f"epoch {trainer.current_epoch + 1}{last}"

    @staticmethod
    def _done(trainer: Trainer) -> int:
        """Batches since the start of the first epoch."""
        return trainer.fit_loop.epoch_loop.total_batch_idx + 1

    @staticmethod
    def _steps(trainer: Trainer) -> float | None:
        """How many batches the fit has; None where it has no end."""
        epochs = trainer.max_epochs if trainer.max_epochs is not None and trainer.max_epochs >= 0 else math.inf
        steps = epochs * trainer.num_training_batches
        if trainer.max_steps >= 0:
            steps = min(steps, trainer.max_steps)
        return None if math.isinf(steps) else steps
