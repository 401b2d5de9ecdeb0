"""What is minimised, over all training rows."""

from typing import cast

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch.nn.utils import parameters_to_vector

from lightning_modules import ObjectiveModule
from lightning_modules.objectives import Objective


class TrainObjective(Callback):
    """Keeps the training objective, mean loss plus penalty, at the start of a fit and after every epoch.

    What a method logs itself is the objective of one batch before its step, which on mini-batches tells little of the whole.

    Attributes:
        values: objectives over all training rows in float64, one more than epochs.
        gradient_max: ‖∇‖∞ at the last of them.
    """

    def __init__(self) -> None:
        self.values: list[float] = []
        self.gradient_max = float("nan")
        self._objective: Objective | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        rows = trainer.strategy.batch_to_device(trainer.datamodule.splits["train"])  # type: ignore[attr-defined]
        self._objective = cast(ObjectiveModule, pl_module).objective(rows)
        self._measure(pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._measure(pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._objective = None  # it holds all training rows

    @torch.no_grad()
    def _measure(self, pl_module: LightningModule) -> None:
        assert self._objective is not None
        point = self._objective.at(parameters_to_vector(pl_module.parameters()).double())
        self.gradient_max = float(point.gradient.abs().max())
        self.values.append(float(point.value))
