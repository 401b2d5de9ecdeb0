"""The rows a network is fitted to, the passes through it, and how its parameters lie in one vector."""

from collections.abc import Iterator

from torch import Tensor

from lightning_modules.networks import DenseNetwork
from lightning_modules.objectives.families.pointwise_loss import PointwiseLoss
from lightning_modules.objectives.known_point import KnownPoint
from lightning_modules.objectives.network_trace import Trace, layers_of
from lightning_modules.objectives.reduction import Reduction, this_process, total_count

# A chunk of rows is as large as memory hardly notices: larger ones make no matrix product faster.
CHUNK_BYTES = 2**26
# What a pass leaves behind is kept for the next query at the same θ up to this size.
KEPT_BYTES = 2**29
# Of a unit and row a pass leaves behind at most z, φ(z), h, φ′(z) and φ″(z).
NUMBERS_PER_UNIT = 5


class NetworkRows:
    """Features and targets of this process, taken through a dense network in chunks.

    θ (p,) = (W_1 row by row, b_1, W_2, …): the layout of the network's `parameters()`.

    Args:
        network: its architecture; its own parameters are never read.
        loss: of one row, as a function of the network's outputs.
        features: X (n, d), this process's rows; may be empty on some processes.
        targets: y, as `loss.check` takes them.
        l2: λ ≥ 0.
        reduction: sums over processes; `this_process` if all rows are here.

    Raises:
        ValueError: features that do not fit the network, targets that do not suit the loss, no row at all.
    """

    def __init__(
        self,
        network: DenseNetwork,
        loss: PointwiseLoss,
        features: Tensor,
        targets: Tensor,
        l2: float = 0.0,
        reduction: Reduction = this_process,
    ) -> None:
        network.check(features)
        if len(features) != len(targets):
            raise ValueError(f"{len(features)} rows of features but {len(targets)} targets: they must match row by row")
        if loss.num_outputs != network.widths[-1]:
            raise ValueError(
                f"the network has {network.widths[-1]} outputs, the loss takes {loss.num_outputs}: make the last width "
                f"{loss.num_outputs}"
            )
        self.network, self.loss, self.features, self.targets = network, loss, features, loss.check(targets)
        self.l2, self.reduction = l2, reduction
        self.num_rows = total_count(len(features), reduction, features.device)
        if self.num_rows == 0:
            raise ValueError("there is not a single row to compute a loss from")
        self._known: KnownPoint[list[tuple[Tensor, Trace]]] | None = None

    @property
    def chunk_rows(self) -> int:
        """Rows at a time: their activations and those of one more vector for each output fit in CHUNK_BYTES."""
        numbers = sum(self.network.widths) * (1 + self.network.widths[-1])
        return max(64, CHUNK_BYTES // (4 * numbers))

    def traces(self, theta: Tensor) -> Iterator[tuple[Tensor, Trace]]:
        """Chunks of (targets, the pass through the network at θ)."""
        for start in range(0, len(self.features), self.chunk_rows):
            rows = slice(start, start + self.chunk_rows)
            yield self.targets[rows], Trace.of(self.network, theta, self.features[rows].to(theta.dtype))

    def known_traces(self, theta: Tensor) -> Iterator[tuple[Tensor, Trace]]:
        """`traces`, kept for as long as θ stays the same; θ must be an ordinary tensor, not one under `torch.func`."""
        numbers = NUMBERS_PER_UNIT * len(self.features) * sum(self.network.widths)
        if self._known is not None and self._known.is_at(theta):
            yield from self._known.known
        elif numbers * theta.element_size() > KEPT_BYTES:
            yield from self.traces(theta)
        else:
            point: KnownPoint[list[tuple[Tensor, Trace]]] = KnownPoint(theta, [])
            for pair in self.traces(point.theta):  # a trace holds views of its θ
                point.known.append(pair)
                yield pair
            self._known = point

    def mean(self, sums: Tensor) -> Tensor:
        """Sums over this process's rows -> means over all rows, in their place where one process has all."""
        return self.reduction(sums).div_(self.num_rows)

    def weights_of(self, v: Tensor) -> Tensor:
        """(W_1, b_1, …) -> (W_1, 0, …), the penalised part of a parameter vector, or of k of them: (…, p) -> (…, p)."""
        weights = v.clone()
        for layer in layers_of(self.network, weights):
            layer.bias.zero_()
        return weights
