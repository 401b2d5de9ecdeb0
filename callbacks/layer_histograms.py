"""Histograms of each layer, for who asks for them."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import TensorBoardLogger
from torch import Tensor
from torch.optim import Optimizer

from callbacks.curvature_diagonal import diagonal_by_layer
from callbacks.layer_names import layer_of
from callbacks.logged_steps import LoggedSteps


class LayerHistograms(Callback):
    """Draws TensorBoard's histograms of every layer: `histogram/weights/<layer>` and `histogram/gradients/<layer>` at the point
    that a step starts from, and of a method that has it `histogram/log10_curvature_diagonal/<layer>`.

    Curvature spans many powers of ten, so its histogram is of the logarithm; entries of 0 have none and are left out. Here the
    device is waited for, and each histogram takes longer than a small step: it is for now and then.

    Args:
        every_n_steps: how often; 0 = never.
    """

    def __init__(self, every_n_steps: int = 0) -> None:
        if not isinstance(every_n_steps, int) or every_n_steps < 0:
            raise ValueError(f"LayerHistograms(every_n_steps={every_n_steps!r}): give a number ≥ 1, or 0 for never")
        self.every_n_steps = every_n_steps
        self._steps = LoggedSteps(self, every_n_steps or None)
        self._due: int | None = None

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._steps.begin()
        self._due = None

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        if not self.every_n_steps or not trainer.is_global_zero or not self._steps.is_due(trainer):
            return
        self._due = trainer.global_step
        named = [(layer_of(name), parameter) for name, parameter in pl_module.named_parameters()]
        _draw(trainer, "weights", named, self._due)
        _draw(trainer, "gradients", ((layer, p.grad) for layer, p in named if p.grad is not None), self._due)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        step, self._due = self._due, None
        if step is not None:
            layers = diagonal_by_layer(pl_module, trainer.optimizers[0])
            logarithms = ((layer, part[part != 0].abs().log10()) for layer, parts in layers.items() for part in parts)
            _draw(trainer, "log10_curvature_diagonal", logarithms, step)


def _draw(trainer: Trainer, what: str, parts: Iterable[tuple[str, Tensor]], step: int) -> None:
    """Of the finite values among a layer's tensors: TensorBoard refuses others, and what is not finite ends the run."""
    layers: dict[str, list[Tensor]] = defaultdict(list)
    for layer, part in parts:
        layers[layer].append(part.detach().reshape(-1))
    for layer, tensors in layers.items():
        values = torch.cat(tensors)
        values = values[values.isfinite()].float()
        for logger in trainer.loggers if len(values) else ():
            if isinstance(logger, TensorBoardLogger):
                logger.experiment.add_histogram(f"histogram/{what}/{layer}", values, step)
