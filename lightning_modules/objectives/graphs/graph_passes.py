"""The passes of rows through the layers at a point, kept for everything that is asked there where memory allows."""

from collections.abc import Iterator

from torch import Tensor

from lightning_modules.objectives.graphs.graph_loss import COPIES, GraphLoss, Pass
from lightning_modules.objectives.graphs.sweeps import Sweeps

KEPT_BYTES = 2**29


class GraphPasses:
    """The rows of this process at θ.

    Args:
        loss: the layers on their rows.
        theta: θ (p,).

    Attributes:
        are_kept: whether what all passes leave behind fits in KEPT_BYTES.
    """

    def __init__(self, loss: GraphLoss, theta: Tensor) -> None:
        self.loss, self.theta = loss, theta
        self.are_kept = COPIES * loss.numbers * len(loss.features) * theta.element_size() <= KEPT_BYTES
        self._kept: list[Pass] | None = None

    def __iter__(self) -> Iterator[Pass]:
        if self._kept is not None:
            yield from self._kept
            return
        kept = []
        for each in self.loss.passes(self.theta):
            if self.are_kept:
                kept.append(each)
            yield each
        if self.are_kept:
            self._kept = kept

    def parts(self, rows: int) -> Iterator[tuple[Tensor, Sweeps]]:
        """(targets, sweeps) of the passes in parts of at most so many rows."""
        for each in self:
            yield from zip(each.targets.split(rows), each.sweeps.split(rows), strict=True)
