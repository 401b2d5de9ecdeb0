"""The steps of a fit at one look."""

from typing import Any, Protocol, runtime_checkable

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import TensorBoardLogger

from callbacks.drawn_figure import log_figure
from callbacks.step_course_figure import NAMES, OBJECTIVE, Points, draw_step_course

# A quantity keeps between half as many points and so many, evenly, however long the fit is.
MOST_POINTS = 2048


@runtime_checkable
class LoggingModel(Protocol):
    """A model that says what is logged of its steps, when that has arrived at the host."""

    def listen_to_log(self, listen: Any) -> None: ...


class StepCourse(Callback):
    """Draws `train/steps` at the end of a fit: objective above its best, largest gradient entry, Newton decrement, damping,
    gain ratio, length of the step and learning rate against the steps, on log axes; of a method without curvature what it has.

    It draws what is logged, as often as that is, of `GradientNorms`, `CurvatureDiagnostics`, `UpdateRatios` and `LearningRate`
    where they are there: it computes nothing in a step, and waits for no device. After a resume it has the steps since then.
    Without a TensorBoard logger it is idle.
    """

    def __init__(self) -> None:
        self._course: dict[str, ThinnedPoints] = {}

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._course = {}
        has_board = any(isinstance(logger, TensorBoardLogger) for logger in trainer.loggers)
        if has_board and trainer.is_global_zero and isinstance(pl_module, LoggingModel):
            self._course = {name: ThinnedPoints() for name in NAMES}
            pl_module.listen_to_log(self._hear)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Only here the last numbers of a device have arrived."""
        course: dict[str, Points] = {name: points.kept for name, points in self._course.items() if points.kept}
        self._course = {}
        if OBJECTIVE not in course:
            return
        precision = torch.finfo(next(pl_module.parameters()).dtype).eps
        title = f"steps of {type(trainer.optimizers[0]).__name__}"
        is_optimal = getattr(trainer.optimizers[0], "status", None) == "converged"
        # The last step, not the one that would be next: a run that goes on from its end logs that one again.
        step = trainer.global_step - 1
        log_figure(trainer, "train/steps", lambda: draw_step_course(course, title, precision, is_optimal), step)

    def _hear(self, step: int, values: dict[str, float]) -> None:
        for name, value in values.items():
            if name in self._course:
                self._course[name].add(step, value)


class ThinnedPoints:
    """Every k-th of the points that are added; k doubles whenever there are too many.

    Attributes:
        kept: (step, value), in the order they came.
    """

    def __init__(self) -> None:
        self.kept: list[tuple[int, float]] = []
        self._every, self._seen = 1, 0

    def add(self, step: int, value: float) -> None:
        if self._seen % self._every == 0:
            self.kept.append((step, value))
            if len(self.kept) > MOST_POINTS:
                del self.kept[1::2]
                self._every *= 2
        self._seen += 1
