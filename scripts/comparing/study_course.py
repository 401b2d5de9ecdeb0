"""The course of one run of a study: validation against epochs and seconds, and what a gradient costs there."""

import time
from statistics import median
from typing import cast

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch.nn.utils import parameters_to_vector

from callbacks import TrainingTime
from callbacks.split_metrics import metrics_of_split
from lightning_modules import ObjectiveModule

MOST_ROWS = 8192


class Course(Callback):
    """Keeps what validation says after every epoch, and measures train metrics at the end.

    Attributes:
        values: one dictionary an epoch, of the names that are logged under `val/…`.
        seconds: of training until then.
        gradient_seconds: of one gradient over all training rows, on this machine and now: the median of three.
        train: the model's metrics over the training rows at the end.
    """

    def __init__(self) -> None:
        self.values: list[dict[str, float]] = []
        self.seconds: list[float] = []
        self.gradient_seconds = float("nan")
        self.train: dict[str, float] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        rows = trainer.strategy.batch_to_device(trainer.datamodule.splits["train"])  # type: ignore[attr-defined]
        some = tuple(tensor[:MOST_ROWS] for tensor in rows)
        objective = cast(ObjectiveModule, pl_module).objective(some)
        times: list[float] = []
        for _ in range(3):
            theta = parameters_to_vector(pl_module.parameters()).detach() + 0.0
            start = time.perf_counter()
            with torch.no_grad():
                _ = objective.point(theta).gradient  # a new point each time, at which nothing is computed yet
            times.append(time.perf_counter() - start)
        self.gradient_seconds = median(times) * len(rows[0]) / len(some[0])

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        (timer,) = (callback for callback in trainer.callbacks if isinstance(callback, TrainingTime))  # type: ignore[attr-defined]
        metrics = trainer.callback_metrics
        self.values.append({name: float(value) for name, value in metrics.items() if name.startswith("val/")})
        self.seconds.append(timer.seconds)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.train = metrics_of_split(trainer, pl_module, "train")
