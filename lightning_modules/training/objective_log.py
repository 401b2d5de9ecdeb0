"""`train/objective`: the loss over the batch, or the batches, that a step started from."""

from typing import cast

import torch
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from lightning_modules.training.late_log import LateLog

NAME = "train/objective"


class ObjectiveLog:
    """Hands the loss of every step to the loggers and to who monitors it.

    To the loggers at once: Lightning would write it after the checkpoint of this step, and a kill between lose it. Not by
    `self.log`, which takes longer than a small step.

    Args:
        log: what writes to the loggers.

    Attributes:
        last: the last value that was seen ().
    """

    def __init__(self, log: LateLog) -> None:
        self._log = log
        self._seen: dict[int, Tensor] = {}
        self.last: Tensor | None = None

    def saw(self, batch_idx: int, value: Tensor, batches: int) -> None:
        """Note the loss () over a batch, that of all processes, at its first evaluation, of a step over so many batches."""
        if batch_idx not in self._seen:
            if len(self._seen) >= batches:  # a step that was left out: mixed precision does that where a gradient overflows
                self._seen.clear()
            self._seen[batch_idx] = value.detach()
        self.last = value.detach()

    def write(self, module: LightningModule) -> None:
        """At the end of a step: to `callback_metrics`, and to the loggers if they are due."""
        values = list(self._seen.values())
        self._seen.clear()
        trainer, step = module.trainer, module.global_step
        if not values:
            return
        value = values[0] if len(values) == 1 else torch.stack(values).mean()
        trainer.callback_metrics[NAME] = value.clone()
        if logs(trainer, step + 1) and trainer.loggers:
            epoch = float(module.current_epoch)
            self._log.log(trainer, step, [value], lambda arrived: {NAME: float(arrived[0]), "epoch": epoch})


def logs(trainer: Trainer, steps: int) -> bool:
    """Whether something is logged after so many steps."""
    return steps % max(1, cast(int, trainer.log_every_n_steps)) == 0  # type: ignore[attr-defined]


def is_looked_at(trainer: Trainer, steps: int) -> bool:
    """Whether somebody reads what the device computes, after so many steps."""
    return logs(trainer, steps) or trainer.is_last_batch or steps == trainer.max_steps
