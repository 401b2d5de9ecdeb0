"""The passes of rows through a network at a point, which every derivative there is made of."""

from collections.abc import Iterator
from typing import NamedTuple

from torch import Tensor

from lightning_modules.objectives.layered.network_loss import NUMBERS_PER_UNIT, NetworkLoss
from lightning_modules.objectives.layered.trace import Trace

# What the passes leave behind is kept for everything that is asked at θ up to this size.
KEPT_BYTES = 2**29


class Pass(NamedTuple):
    """A chunk of rows and its way through the network.

    Attributes:
        targets: y of the rows.
        trace: what the pass left behind.
        losses: l of each row (n,).
        slopes: ∂l/∂f of each row (n, K).
    """

    targets: Tensor
    trace: Trace
    losses: Tensor
    slopes: Tensor


class Passes:
    """The rows of this process, taken through the network in chunks; once only, if the passes are kept.

    Args:
        loss: the network on its rows.
        theta: θ (p,).

    Attributes:
        are_kept: whether what all passes leave behind fits in KEPT_BYTES.
    """

    def __init__(self, loss: NetworkLoss, theta: Tensor) -> None:
        self.loss, self.theta = loss, theta
        numbers = NUMBERS_PER_UNIT * len(loss.features) * sum(loss.network.widths)
        self.are_kept = numbers * theta.element_size() <= KEPT_BYTES
        self._kept: list[Pass] | None = None

    def __iter__(self) -> Iterator[Pass]:
        if self._kept is not None:
            yield from self._kept
            return
        kept = []
        for each in self._new():
            if self.are_kept:
                kept.append(each)
            yield each
        if self.are_kept:
            self._kept = kept

    def parts(self, rows: int) -> Iterator[tuple[Tensor, Trace]]:
        """(targets, trace) of the passes in parts of at most so many rows."""
        for each in self:
            yield from zip(each.targets.split(rows), each.trace.split(rows), strict=True)

    def _new(self) -> Iterator[Pass]:
        loss = self.loss
        for x, y in map(loss.chunk, loss.starts):
            trace = Trace.of(loss.network, self.theta, x.to(self.theta.dtype))
            yield Pass(y, trace, *loss.pointwise.loss_and_gradient(trace.outputs, y))
