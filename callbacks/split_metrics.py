"""Metrics of one part of the data after every few epochs of a fit."""

from collections.abc import Iterable
from typing import Any, cast

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from callbacks.all_rows import all_rows
from callbacks.frozen import frozen
from callbacks.measured_model import MeasuredModel


class SplitMetrics(Callback):
    """Logs the model's own metrics over all samples of a part of the data, leaving the training as it is.

    It draws no random number, restores every module's mode, and hands the numbers to the loggers only, not to the
    trainer: nothing can stop, schedule or select by them.

    Args:
        split: "train" or "test": the dataloader it reads and the prefix it logs under.
        every_n_epochs: how often.
    """

    def __init__(self, split: str, every_n_epochs: int = 1) -> None:
        if every_n_epochs < 1:
            raise ValueError(f"{type(self).__name__}(every_n_epochs={every_n_epochs}): give a number ≥ 1")
        self.split, self.every_n_epochs = split, every_n_epochs
        self._batches: Iterable[Any] = ()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        source = getattr(trainer, "datamodule", None) or pl_module
        self._batches = getattr(source, f"{self.split}_dataloader")()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.loggers or (trainer.current_epoch + 1) % self.every_n_epochs:
            return
        values = self.measure(trainer, pl_module)
        for logger in trainer.loggers:
            # The step of Lightning's own epoch-end metrics, so that the curves of one chart line up.
            logger.log_metrics({f"{self.split}/{name}": value for name, value in values.items()}, trainer.global_step - 1)

    def measure(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, float]:
        """The metrics at the current weights, over the samples of all processes."""
        model = cast(MeasuredModel, pl_module)
        metrics = model.metrics().set_dtype(torch.float64).to(pl_module.device)
        for metric in metrics.values(copy_state=False):
            metric.distributed_available_fn = lambda: False  # it gets the rows of all processes
        with frozen(pl_module):
            for batch in self._batches:
                evaluated = model.evaluate(trainer.strategy.batch_to_device(batch))
                # Joined here, because torchmetrics refuses a process's share of a batch if it has no rows.
                rows = {key: all_rows(part) for key, part in evaluated.items()}
                metrics.update(**{key: v.double() if v.is_floating_point() else v for key, v in rows.items()})
        return {name: float(value) for name, value in metrics.compute().items()}
