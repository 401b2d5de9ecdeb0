"""How the curvature of each layer is spread."""

import math
from functools import partial
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor
from torch.optim import Optimizer

from callbacks.curvature_diagonal import DiagonalMethod, diagonal_by_layer
from callbacks.late_log import log_late
from callbacks.logged_steps import LoggedSteps

# The quartiles, by the share of entries that lies below.
QUARTILES = {"q25": 0.25, "median": 0.5, "q75": 0.75}
NAMES = ("min", *QUARTILES, "max")
# Of a layer with more entries the quartiles are those of some of them, off by a hundredth of the entries: to sort all could
# take as long as the step.
MOST_SORTED = 4096


class CurvatureQuantiles(Callback):
    """Logs `curvature_diagonal/<layer>/…`: `min`, `q25`, `median`, `q75` and `max` of a layer's entries of diag C.

    C is the curvature of the mean loss that the step was computed by, without damping: of `DiagonalNewton` and
    `KroneckerNewton`, on mini-batches the average that they keep, when it has changed since it was last logged. Under another
    method nothing is logged.

    Args:
        every_n_steps: how often; None = as often as the trainer logs.
    """

    def __init__(self, every_n_steps: int | None = None) -> None:
        self._steps = LoggedSteps(self, every_n_steps)
        self._due: int | None = None

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._steps.begin()
        self._due = None

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        if self._steps.is_due(trainer):
            self._due = trainer.global_step

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        step, self._due = self._due, None
        method = trainer.optimizers[0]
        if step is None or not isinstance(method, DiagonalMethod) or method.curvature_age() >= self._steps.interval(trainer):
            return
        layers = diagonal_by_layer(pl_module, method)
        if layers:
            spread = torch.stack([quantiles(parts) for parts in layers.values()])
            log_late(trainer, pl_module, step, [spread], partial(_named, list(layers)))


def quantiles(parts: list[Tensor]) -> Tensor:
    """Least, quartiles and largest of all entries of some vectors: (5,)."""
    entries, every = sum(map(len, parts)), max(1, math.ceil(sum(map(len, parts)) / MOST_SORTED))
    ordered = torch.cat([part[:: _without_common_factor(every, len(part))] for part in parts]).sort().values
    quartiles = [ordered[round(share * (len(ordered) - 1))] for share in QUARTILES.values()]
    least, largest = (ordered[0], ordered[-1]) if len(ordered) == entries else torch.aminmax(torch.cat(parts))
    return torch.stack([least, *quartiles, largest])


def _without_common_factor(every: int, length: int) -> int:
    """The next number that does not divide rows evenly: each k-th entry of a matrix could be of a few columns only."""
    while math.gcd(every, length) != 1:
        every += 1
    return every


def _named(layers: list[str], spread: list[Tensor]) -> dict[str, float]:
    return {
        f"curvature_diagonal/{layer}/{name}": value
        for layer, row in zip(layers, spread[0].tolist(), strict=True)
        for name, value in zip(NAMES, row, strict=True)
    }
