"""A dense network on rows: what is summed over them, divided once, and penalised."""

from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from lightning_modules.networks import DenseNetwork
from lightning_modules.objectives.families.pointwise_loss import PointwiseLoss
from lightning_modules.objectives.layered.trace import layers_of
from lightning_modules.objectives.mapped_pages import MappedPages
from lightning_modules.objectives.reduction import Reduction

# A chunk of rows is as large as memory hardly notices: larger ones make no matrix product faster.
CHUNK_BYTES = 2**26


@dataclass(frozen=True)
class NetworkLoss:
    """A pointwise loss of a network's outputs, over the rows of all processes, with the penalty λ/2 Σ_ℓ ‖W_ℓ‖².

    Attributes:
        network: its architecture; its own parameters are never read.
        pointwise: l, the loss of one row.
        features, targets: this process's rows.
        l2: λ ≥ 0.
        reduction: sums over processes.
        num_rows: n, over all processes.
    """

    network: DenseNetwork
    pointwise: PointwiseLoss
    features: Tensor
    targets: Tensor
    l2: float
    reduction: Reduction
    num_rows: int

    @cached_property
    def pages(self) -> MappedPages:
        """Of the rows, if these are memory-mapped."""
        return MappedPages(self.features, self.targets)

    def chunk(self, start: int) -> tuple[Tensor, Tensor]:
        """Features and targets of `chunk_rows` rows from one of them on: views, to be read at once."""
        chunk = self.features[start : start + self.chunk_rows], self.targets[start : start + self.chunk_rows]
        self.pages.was_read(*chunk)
        return chunk

    @property
    def starts(self) -> range:
        """The first rows of the chunks."""
        return range(0, len(self.features), self.chunk_rows)

    @property
    def chunk_rows(self) -> int:
        """Rows at a time: their activations and those of one more vector for each output fit in CHUNK_BYTES."""
        numbers = sum(self.network.widths) * (1 + self.network.widths[-1])
        return max(64, CHUNK_BYTES // (4 * numbers))

    def mean(self, sums: Tensor) -> Tensor:
        """Sums over this process's rows -> means over all rows, in their place where one process has all."""
        return self.reduction(sums).div_(self.num_rows)

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
