"""An l1 penalty that is chosen by cross-validation before the first step, with the curve that it is chosen by."""

import csv
import io
import time
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from pytorch_lightning import Callback, LightningModule, Trainer
from rich.console import Console
from rich.progress import Progress

from callbacks.drawn_figure import drawn_or_said, log_figure
from callbacks.penalty_figure import Chosen, draw_penalties
from callbacks.picture_file import write_picture
from callbacks.resuming.run_folder import run_folder

# What takes less needs no bar.
PATIENCE = 2.0
HEADINGS = ("l1", "held_out_deviance", "standard_error", "features")


@runtime_checkable
class ChoosingModel(Protocol):
    """A model that may be asked to choose its penalty."""

    chosen_l1: float | None

    def choose_l1(self, progress: Any = None) -> Chosen | None: ...


class PenaltyChoice(Callback):
    """Has a model choose its l1, if it is to, shows how far that is, and keeps the curve.

    In TensorBoard it is the figure `train/penalty`, in the run's folder `penalty_curve.png` and `penalty_curve.csv`.

    Args:
        has_bar: whether to show a bar where it takes more than two seconds.
        console: where that is drawn; None = the error stream.
    """

    def __init__(self, has_bar: bool = True, console: Console | None = None) -> None:
        # Made when it is needed: a callback that averages weights copies the trainer, and a console cannot be copied.
        self.has_bar, self.console = has_bar, console

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not isinstance(pl_module, ChoosingModel):
            return
        bar = _LateBar(self.console or Console(stderr=True), self.has_bar and trainer.is_global_zero)
        try:
            curve = pl_module.choose_l1(bar.advance)
        finally:
            bar.stop()
        if curve is None or not trainer.loggers:
            return
        log_figure(trainer, "train/penalty", lambda: draw_penalties(curve), trainer.global_step)
        folder = run_folder(trainer)  # every process asks
        if trainer.is_global_zero:
            folder.mkdir(parents=True, exist_ok=True)
            drawn_or_said(
                "penalty_curve.png", lambda: write_picture(draw_penalties(curve), folder / "penalty_curve.png", dpi=120)
            )
            write_curve(curve, folder / "penalty_curve.csv")


def write_curve(curve: Chosen, path: Path) -> None:
    """A row for each penalty, from the largest to the smallest."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(HEADINGS)
    numbers = zip(curve.penalties, curve.mean, curve.standard_error, curve.counts, strict=True)
    table.writerows((*map(float, row[:3]), row[3]) for row in numbers)
    path.write_text(text.getvalue(), encoding="utf-8")


class _LateBar:
    """A bar that appears when somebody has waited."""

    def __init__(self, console: Console, is_shown: bool) -> None:
        self._progress = Progress(console=console, transient=True, disable=not is_shown)
        self._begin, self._task = time.monotonic(), self._progress.add_task("choosing l1")
        self._is_there = False

    def advance(self, done: int, total: int) -> None:
        """So many penalties are done, of so many."""
        if not self._is_there and time.monotonic() - self._begin > PATIENCE:
            self._is_there = True
            self._progress.start()
        self._progress.update(self._task, completed=done, total=total)

    def stop(self) -> None:
        """Take it away."""
        if self._is_there:
            self._progress.stop()
