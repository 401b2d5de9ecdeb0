"""Gradient norms by layer."""

from functools import partial

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor
from torch.optim import Optimizer

from callbacks.late_log import log_late
from callbacks.layer_names import norms_by_layer
from callbacks.logged_steps import LoggedSteps


class GradientNorms(Callback):
    """Logs `grad_norm/<layer>`, the 2-norm over all parameters of a layer, and `grad_norm/total`, under every method.

    A layer is a module that owns parameters itself. The norms are those of the gradient at the point a step starts from;
    a method that evaluates the gradient several times in a step (LBFGS) is logged at its first evaluation.

    Args:
        every_n_steps: how often; null = as often as the trainer logs.
    """

    def __init__(self, every_n_steps: int | None = None) -> None:
        self._steps = LoggedSteps(self, every_n_steps)

    @property
    def every_n_steps(self) -> int | None:
        """How often."""
        return self._steps.every_n_steps

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._steps.begin()

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        step = trainer.global_step
        if not self._steps.is_due(trainer):
            return
        named = [(name, p.grad) for name, p in pl_module.named_parameters() if p.grad is not None]
        if named:
            # One kernel for all norms and one transfer to the host, however many parameters there are.
            norms = torch.stack(torch._foreach_norm([gradient for _, gradient in named]))
            log_late(trainer, pl_module, step, [norms], partial(by_layer, [name for name, _ in named]))


def by_layer(names: list[str], norms: list[Tensor]) -> dict[str, float]:
    """What is logged: norms of layers, and of all, from those of the parameters (k,) with these names."""
    return {f"grad_norm/{layer}": norm for layer, norm in norms_by_layer(names, norms[0].tolist()).items()}
