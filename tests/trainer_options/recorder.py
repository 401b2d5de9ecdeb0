"""What happens in a fit, written down by a callback."""

from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor
from torch.nn import functional


class Recorder(Callback):
    """Keeps what a check asks for.

    Attributes:
        rows: for each training batch its epoch and its features.
        losses: of each training batch before its step, which is what a step is logged with.
        validations: finished ones within the fit, without the sanity check.
        sanity_checks: batches of the sanity check.
    """

    def __init__(self) -> None:
        self.rows: list[tuple[int, Tensor]] = []
        self.losses: list[float] = []
        self.validations = self.sanity_checks = 0

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        self.rows.append((trainer.current_epoch, batch[0].clone()))
        with torch.no_grad():
            self.losses.append(float(functional.cross_entropy(pl_module(batch[0]), batch[1])))

    def on_validation_batch_end(self, trainer: Trainer, *_: Any) -> None:
        self.sanity_checks += trainer.sanity_checking

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.validations += not trainer.sanity_checking
