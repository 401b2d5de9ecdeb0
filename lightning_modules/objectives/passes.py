"""The passes of rows through a network at a point, which every derivative there is made of."""

from collections.abc import Iterator
from typing import Generic

from torch import Tensor

from lightning_modules.objectives.row_loss import AnyTrace, Pass, RowLoss

# What the passes leave behind is kept for everything that is asked at θ up to this size.
KEPT_BYTES = 2**29


class Passes(Generic[AnyTrace]):
    """The rows of this process, taken through the network in chunks; once only, if the passes are kept.

    Args:
        loss: the network on its rows.
        theta: θ (p,).

    Attributes:
        are_kept: whether what all passes leave behind fits in KEPT_BYTES.
    """

    def __init__(self, loss: RowLoss[AnyTrace], theta: Tensor) -> None:
        self.loss, self.theta = loss, theta
        self.are_kept = loss.numbers_left * len(loss.features) * theta.element_size() <= KEPT_BYTES
        self._kept: list[Pass[AnyTrace]] | None = None

    def __iter__(self) -> Iterator[Pass[AnyTrace]]:
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

    def parts(self, rows: int) -> Iterator[tuple[Tensor, AnyTrace]]:
        """(targets, trace) of the passes in parts of at most so many rows."""
        for each in self:
            yield from zip(each.targets.split(rows), each.trace.split(rows), strict=True)
