"""Gradient norms by layer."""

from collections import defaultdict
from functools import partial

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor
from torch.optim import Optimizer

from callbacks.late_log import log_late
from callbacks.logging_interval import logging_interval


class GradientNorms(Callback):
    """Logs `grad_norm/<layer>`, the 2-norm over all parameters of a layer, and `grad_norm/total`, under every method.

    A layer is a module that owns parameters itself. The norms are those of the gradient at the point a step starts from;
    a method that evaluates the gradient several times in a step (LBFGS) is logged at its first evaluation.

    Args:
        every_n_steps: how often; null = as often as the trainer logs.
    """

    def __init__(self, every_n_steps: int | None = None) -> None:
        if every_n_steps is not None and every_n_steps < 1:
            raise ValueError(f"GradientNorms(every_n_steps={every_n_steps}): give a number ≥ 1, or None")
        self.every_n_steps = every_n_steps
        self._logged_step = -1

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        step, interval = trainer.global_step, self.every_n_steps or logging_interval(trainer)
        if step == self._logged_step or (step + 1) % interval or not trainer.loggers:
            return
        self._logged_step = step
        named = [(name, p.grad) for name, p in pl_module.named_parameters() if p.grad is not None]
        if named:
            # One kernel for all norms and one transfer to the host, however many parameters there are.
            norms = torch.stack(torch._foreach_norm([gradient for _, gradient in named]))
            log_late(trainer, pl_module, step, [norms], partial(by_layer, [name for name, _ in named]))


def by_layer(names: list[str], norms: list[Tensor]) -> dict[str, float]:
    """Norms of layers, and of all, from those of the parameters (k,) with these names."""
    squares: dict[str, float] = defaultdict(float)
    for name, norm in zip(names, norms[0].tolist(), strict=True):
        squares[name.rpartition(".")[0] or name] += norm * norm  # inf where ** would raise
    squares["total"] = sum(squares.values())
    return {f"grad_norm/{layer}": square**0.5 for layer, square in squares.items()}
