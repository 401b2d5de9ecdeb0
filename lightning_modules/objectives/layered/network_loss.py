"""A dense network on rows: what is summed over them, divided once, and penalised."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from lightning_modules.networks import DenseNetwork
from lightning_modules.objectives.columns import Columns
from lightning_modules.objectives.families.pointwise_loss import PointwiseLoss
from lightning_modules.objectives.layered.trace import layers_of
from lightning_modules.objectives.mapped_pages import MappedPages, pieces
from lightning_modules.objectives.reduction import Reduction
from lightning_modules.objectives.rows_at_a_time import rows_at_a_time

# A chunk of rows is as large as memory hardly notices: larger ones make no matrix product faster.
CHUNK_BYTES = 2**26
# Of a unit and row a pass leaves behind at most z, φ(z), h, φ′(z) and φ″(z).
NUMBERS_PER_UNIT = 5


@dataclass(frozen=True)
class NetworkLoss:
    """A pointwise loss of a network's outputs, over the rows of all processes, with the penalty λ/2 Σ_ℓ ‖W_ℓ‖².

    Attributes:
        network: its architecture; its own parameters are never read.
        pointwise: l, the loss of one row.
        features, targets: this process's rows; features that are not where the targets are, on a device, are moved there chunk
            by chunk, when they are read.
        l2: λ ≥ 0.
        reduction: sums over processes.
        num_rows: n, over all processes.
        columns: what features are stored as.
    """

    network: DenseNetwork
    pointwise: PointwiseLoss
    features: Tensor
    targets: Tensor
    l2: float
    reduction: Reduction
    num_rows: int
    columns: Columns

    @cached_property
    def pages(self) -> MappedPages:
        """Of the rows, if these are memory-mapped."""
        return MappedPages(self.features, self.targets)

    def chunk(self, start: int) -> tuple[Tensor, Tensor]:
        """Features and targets of `chunk_rows` rows from one of them on: views where they lie there as features, to be read at
        once."""
        x, y = self.features[start : start + self.chunk_rows], self.targets[start : start + self.chunk_rows]
        self.pages.was_read(x, y)
        # Not waited for: memory of the host that can be swapped out is read before the call returns.
        return self.columns.expanded(x.to(y.device, non_blocking=True)), y

    @property
    def starts(self) -> range:
        """The first rows of the chunks."""
        return range(0, len(self.features), self.chunk_rows)

    @property
    def chunk_rows(self) -> int:
        """Rows at a time: their activations and those of one more vector for each output fit in CHUNK_BYTES.

        On a device what a pass leaves behind fits in `rows_at_a_time.DEVICE_BYTES`; what takes more than one vector through
        the network takes fewer rows, `rows_of_vectors`.
        """
        units, outputs = sum(self.network.widths), self.network.widths[-1]
        in_cache = max(64, CHUNK_BYTES // (4 * units * (1 + outputs)))
        return rows_at_a_time(self.targets.device, in_cache, 8 * NUMBERS_PER_UNIT * units)

    def rows_of_vectors(self, vectors: int, in_cache: int) -> int:
        """Rows at a time of which so many vectors each go through the network, which leaves three numbers of every unit."""
        return rows_at_a_time(self.targets.device, in_cache, 8 * 3 * vectors * sum(self.network.widths))

    def mean(self, sums: Tensor) -> Tensor:
        """Sums over this process's rows -> means over all rows, in their place where one process has all."""
        return self.reduction(sums).div_(self.num_rows)

    def mean_of_targets(self, of: Callable[[Tensor], Tensor]) -> Tensor:
        """The mean over all rows of a function of their targets: (n, …) -> (…)."""
        return self.mean(torch.stack([of(y).sum(0) for (y,) in pieces(self.targets)]).sum(0))

    def penalty(self, theta: Tensor) -> Tensor:
        """λ/2 Σ_ℓ ‖W_ℓ‖²: (p,) -> ()."""
        if self.l2 == 0:
            return theta.new_zeros(())
        weights = [layer.weight.flatten() for layer in layers_of(self.network, theta)]
        return 0.5 * self.l2 * sum((w @ w for w in weights), theta.new_zeros(()))

    def penalised(self, derivative: Tensor, v: Tensor) -> Tensor:
        """`derivative` with ∇²r v = λ (W_1, 0, W_2, …) added in place: (…, p), v (…, p). No copy: θ may be large."""
        if self.l2:
            for layer, of_v in zip(layers_of(self.network, derivative), layers_of(self.network, v), strict=True):
                layer.weight.add_(of_v.weight, alpha=self.l2)
        return derivative

    def weights_of(self, v: Tensor) -> Tensor:
        """(W_1, b_1, …) -> (W_1, 0, …), the penalised part of a parameter vector, or of k of them: (…, p) -> (…, p)."""
        weights = v.clone()
        for layer in layers_of(self.network, weights):
            layer.bias.zero_()
        return weights
