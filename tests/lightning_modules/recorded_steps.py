"""A fit seen step by step, and stored in its midst."""

from pathlib import Path
from typing import Any

from pytorch_lightning import Callback
from torch import Tensor

from tests.lightning_modules.networks_at_hand import theta_of


class Checkpoints(Callback):
    """Saves a checkpoint after an epoch, and keeps θ and lr after every step."""

    def __init__(self, path: Path | None = None, epoch: int = -1) -> None:
        self.path, self.epoch = path, epoch
        self.thetas: list[Tensor] = []
        self.lrs: list[float] = []

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        self.lrs.append(trainer.optimizers[0].param_groups[0]["lr"])

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.thetas.append(theta_of(pl_module))

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        if trainer.current_epoch == self.epoch:
            trainer.save_checkpoint(self.path)
