"""Callbacks and networks as a user of Lightning writes them: what its abstract classes are for."""

from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import BaseFinetuning, BasePredictionWriter, Callback, Checkpoint, ProgressBar
from torch import nn

from lightning_modules import MLP
from tests.trainer_options.plain_twin import body_of


class WithBackbone(MLP):
    """A network that says what its body is, as `BackboneFinetuning` asks for."""

    @property
    def backbone(self) -> nn.Module:
        """All but the last layer."""
        return body_of(self.network)


class FreezeBody(BaseFinetuning):
    """Trains the last layer only."""

    def freeze_before_training(self, pl_module: Any) -> None:
        self.freeze(pl_module.backbone)

    def finetune_function(self, pl_module: LightningModule, epoch: int, optimizer: torch.optim.Optimizer) -> None:
        pass


class Own(Callback):
    """Does nothing."""


class OwnCheckpoint(Checkpoint):
    """Keeps nothing."""


class OwnBar(ProgressBar):
    """Shows nothing."""

    def disable(self) -> None:
        pass


class Writer(BasePredictionWriter):
    """Counts the predictions it is given."""

    def __init__(self) -> None:
        super().__init__("batch")
        self.rows = 0

    def write_on_batch_end(self, trainer: Trainer, pl_module: LightningModule, prediction: Any, *_: Any) -> None:
        self.rows += len(prediction)
