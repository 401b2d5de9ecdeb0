"""A graph of layers on rows: what is summed over them, divided once, and penalised."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from lightning_modules.objectives.families.pointwise_loss import PointwiseLoss
from lightning_modules.objectives.graphs.graph import Graph
from lightning_modules.objectives.graphs.sweeps import Sweeps, taken
from lightning_modules.objectives.l2_penalty import L2Penalty
from lightning_modules.objectives.mapped_pages import MappedPages, pieces
from lightning_modules.objectives.reduction import Reduction
from lightning_modules.objectives.rows_at_a_time import rows_at_a_time

# What a pass of a chunk of rows leaves behind, and what several vectors on their way hold at once.
CHUNK_BYTES, VECTOR_NUMBERS = 2**26, 2**21
# Of each number of a pass there may be the value, its slope, and one more for a moment.
COPIES = 3


class Pass(NamedTuple):
    """A chunk of rows and its way through the layers.

    Attributes:
        targets: y of the rows.
        sweeps: what the pass left behind.
        losses: l of each row (n,).
        slopes: ∂l/∂f of each row (n, K).
    """

    targets: Tensor
    sweeps: Sweeps
    losses: Tensor
    slopes: Tensor


@dataclass(frozen=True)
class GraphLoss:
    """A pointwise loss of a module's outputs, over the rows of all processes, with the penalty λ/2 Σ ‖W‖².

    Attributes:
        graph: the module's layers.
        pointwise: l, the loss of one row.
        features, targets: this process's rows; features that are not where the targets are, on a device, are moved there chunk
            by chunk, when they are read.
        l2: the penalty.
        reduction: sums over processes.
        num_rows: n, over all processes.
        numbers: how many a pass of one row leaves behind.
        widest: how many the largest output of a layer has, of one row.
    """

    graph: Graph
    pointwise: PointwiseLoss
    features: Tensor
    targets: Tensor
    l2: L2Penalty
    reduction: Reduction
    num_rows: int
    numbers: int
    widest: int

    def passes(self, theta: Tensor) -> Iterator[Pass]:
        """The rows of this process, taken through the layers at θ (p,) in chunks."""
        for start in range(0, len(self.features), self.chunk_rows):
            x, y = self.features[start : start + self.chunk_rows], self.targets[start : start + self.chunk_rows]
            self._pages.was_read(x, y)
            sweeps = Sweeps.of(self.graph, theta, taken(self.graph, x.to(y.device, non_blocking=True), theta))
            yield Pass(y, sweeps, *self.pointwise.loss_and_gradient(sweeps.outputs, y))

    @cached_property
    def _pages(self) -> MappedPages:
        return MappedPages(self.features, self.targets)

    @property
    def chunk_rows(self) -> int:
        """Rows at a time."""
        in_cache = max(16, CHUNK_BYTES // (4 * self.numbers))
        return rows_at_a_time(self.targets.device, in_cache, 8 * COPIES * self.numbers)

    def rows_of_vectors(self, vectors: int) -> int:
        """Rows at a time of which so many vectors each go through the layers."""
        numbers = vectors * self.widest
        return rows_at_a_time(self.targets.device, VECTOR_NUMBERS // numbers, 8 * COPIES * numbers)

    def mean(self, sums: Tensor) -> Tensor:
        """Sums over this process's rows -> means over all rows, in their place where one process has all."""
        return self.reduction(sums).div_(self.num_rows)

    def mean_of_targets(self, of: Callable[[Tensor], Tensor]) -> Tensor:
        """The mean over all rows of a function of their targets: (n, …) -> (…)."""
        return self.mean(torch.stack([of(y).sum(0) for (y,) in pieces(self.targets)]).sum(0))

    def penalty(self, theta: Tensor) -> Tensor:
        """λ/2 Σ ‖W‖²: (p,) -> ()."""
        return self.l2.value(theta)

    def penalised(self, derivative: Tensor, v: Tensor) -> Tensor:
        """`derivative` with ∇²r v added in place: (…, p), v (…, p)."""
        return self.l2.add_product(derivative, v)
