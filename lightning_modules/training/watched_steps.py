"""What is looked at and logged of the steps of a fit, without a wait for the device that takes them."""

from collections.abc import Sequence
from typing import Any

import torch
from pytorch_lightning import Callback
from pytorch_lightning.trainer.states import TrainerFn, TrainerStatus
from torch import Tensor
from torch.optim import Optimizer

from lightning_modules.devices import Late, is_asynchronous
from lightning_modules.optimizers.non_finite_loss import refuse_non_finite
from lightning_modules.training.late_log import LateLog, Listener, LogsTheRest, Metrics
from lightning_modules.training.made_optimizer import OptimizerCallable
from lightning_modules.training.method_module import MethodModule
from lightning_modules.training.naming_rows import Batch, naming_rows
from lightning_modules.training.objective_log import ObjectiveLog, is_looked_at
from lightning_modules.training.trained_parameters import held_parameters


class WatchedSteps(MethodModule):
    """Logs the loss of every step, and ends a run whose loss or gradient is not finite.

    Args:
        optimizer: makes the optimizer from the parameters.
    """

    def __init__(self, optimizer: OptimizerCallable) -> None:
        super().__init__(optimizer)
        self._watch()

    def _watch(self) -> None:
        self._late, self._checks = LateLog(), Late()
        self._log = ObjectiveLog(self._late)
        self._batch: Batch | None = None  # of the step that is on its way

    def __getstate__(self) -> dict[str, Any]:
        """A copy, or a model that is saved whole, is without what is on its way to the loggers."""
        left_out = ("_late", "_checks", "_log", "_batch")
        return {name: value for name, value in super().__getstate__().items() if name not in left_out}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._watch()

    def on_fit_start(self) -> None:
        """Forget what a fit that broke off has left behind: its last loss, and checks that were still on their way."""
        super().on_fit_start()
        self._late.forget()  # who listens has said so already
        self._checks, self._log = Late(), ObjectiveLog(self._late)

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Refuse to go on with what is not finite; mixed precision leaves out a step whose gradient is not."""
        if self.automatic_optimization and self._log.last is not None:
            gradient = [p.grad for p in held_parameters(optimizer) if p.grad is not None]
            has_scaler = getattr(self.trainer.precision_plugin, "scaler", None) is not None
            with naming_rows(self._batch):
                self._refuse_non_finite(self._log.last, [] if has_scaler else gradient)

    def _refuse_non_finite(self, value: Tensor, gradient: list[Tensor]) -> None:
        """Where to look would be to wait, it is looked at every so many steps, and later: what is not finite stays so."""
        step, has_damping = self.global_step, not self.automatic_optimization
        if not is_asynchronous(value):
            refuse_non_finite(value, gradient, step, has_damping)
        elif is_looked_at(self.trainer, step + 1):
            largest = torch.stack([g.abs().amax() for g in gradient]).amax() if gradient else torch.zeros_like(value)

            def check(arrived: list[Tensor]) -> None:
                refuse_non_finite(arrived[0], arrived[1:], step, has_damping)

            self._checks.send([value, largest], check)

    def log_late(self, step: int, tensors: Sequence[Tensor], metrics: Metrics) -> None:
        """Log `metrics(tensors)` of a step when the tensors, of one device, have arrived at the host; see `late_log.py`."""
        self._late.log(self.trainer, step, tensors, metrics)

    def listen_to_log(self, listen: Listener) -> None:
        """Have a function given, until the end of the fit, each step's number and what is logged of it when it has arrived."""
        self._late.listeners.append(listen)

    def on_fit_end(self) -> None:
        self.finish_log()

    def configure_callbacks(self) -> list[Callback]:
        callbacks = super().configure_callbacks()
        is_there = any(isinstance(callback, LogsTheRest) for callback in self.trainer.callbacks)  # type: ignore[attr-defined]
        return callbacks if is_there else [*callbacks, LogsTheRest()]

    def finish_log(self) -> None:
        """Log what is still on its way to the host, at the end of a fit, be it by an error."""
        self._late.end()

    def on_validation_start(self) -> None:
        """A loss that was not finite ends the run by that name, before predictions of such weights are measured."""
        super().on_validation_start()
        self._checks.finish()

    def on_train_epoch_end(self) -> None:
        self._checks.finish()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        self._late.finish()  # a run that goes on from here has logged what came before
        is_fit = self._trainer is not None and self.trainer.state.fn == TrainerFn.FITTING
        if is_fit and is_asynchronous(next(self.parameters())):
            self._refuse_to_save()

    def _refuse_to_save(self) -> None:
        """A device may be steps ahead of who looks: no checkpoint of a fit is written over a good one with weights of nan.

        Raises:
            NonFiniteLossError: a weight, or a loss or gradient before, is not finite; not while another error ends the fit.
        """
        if self.trainer.state.status == TrainerStatus.INTERRUPTED:
            return
        self._checks.finish()
        largest = torch.stack(torch._foreach_norm([weight.detach() for weight in self.parameters()], torch.inf)).max()
        refuse_non_finite(largest, [], self.global_step, not self.automatic_optimization, what="a weight")

    def on_train_end(self) -> None:
        self._late.finish()
