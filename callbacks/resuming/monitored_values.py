"""The numbers that other callbacks and schedules watch, which Lightning's checkpoints leave out."""

from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer


class MonitoredValues(Callback):
    """Keeps `trainer.callback_metrics` in every checkpoint and has them there again when a run goes on.

    What watches a number that is measured less often than it looks, such as `EarlyStopping` on `val/loss` at the end of an
    epoch that was validated before the checkpoint, would find nothing, and end the run.
    """

    KEY = "monitored_values"

    def __init__(self) -> None:
        self._loaded: dict[str, float] = {}

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        checkpoint[self.KEY] = {name: float(value) for name, value in trainer.callback_metrics.items()}

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        self._loaded = checkpoint.get(self.KEY, {})

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        loaded, self._loaded = self._loaded, {}
        for name, value in loaded.items():
            trainer.callback_metrics.setdefault(name, torch.tensor(value, dtype=torch.float64, device=pl_module.device))
