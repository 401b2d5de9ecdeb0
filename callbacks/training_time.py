"""Seconds spent on training alone."""

import time
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from callbacks.logging_interval import logging_interval


class TrainingTime(Callback):
    """Logs `time/train_seconds` at the end of epochs: the time since the start without validation, test, checkpoints.

    Curves against it compare methods fairly, however often each is evaluated. Put it first among the callbacks, so that
    the others' work at the end of an epoch is not counted. Epochs are logged that validation has measured, or of which the
    trainer logs a step, and the last one: where an epoch is a single step, each would cost more than the step itself.

    Attributes:
        seconds: of training so far, those before a resume included. A test with the weights of a checkpoint leaves them.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._since: float | None = None
        self._is_fit = True
        self._logged = 0  # the number of steps when it was logged last
        self._is_measured = False

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self._is_fit = stage == "fit"

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._logged = trainer.global_step

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._resume()

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        self._resume()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._pause(pl_module)
        self._is_measured = not trainer.sanity_checking

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._pause(pl_module)
        every = logging_interval(trainer)
        if self._is_measured or trainer.global_step // every > self._logged // every:
            self._log(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.global_step > self._logged:
            self._log(trainer)

    def state_dict(self) -> dict[str, float]:
        running = 0.0 if self._since is None else time.perf_counter() - self._since
        return {"seconds": self.seconds + running}

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        # Lightning also loads it where only the weights are wanted, for a test of the best ones.
        if self._is_fit:
            self.seconds = state_dict["seconds"]

    def _log(self, trainer: Trainer) -> None:
        self._logged, self._is_measured = trainer.global_step, False
        for logger in trainer.loggers:
            logger.log_metrics({"time/train_seconds": self.seconds}, trainer.global_step - 1)

    def _resume(self) -> None:
        if self._since is None:
            self._since = time.perf_counter()

    def _pause(self, pl_module: LightningModule) -> None:
        if self._since is not None:
            if pl_module.device.type == "cuda":
                torch.cuda.synchronize(pl_module.device)
            self.seconds += time.perf_counter() - self._since
            self._since = None
