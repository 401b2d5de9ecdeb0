"""The rows of a Gauss–Newton matrix as those of a loss of some parameters only."""

from typing import Protocol

from torch import Tensor

from lightning_modules.solvers import FactorRows


class Part(Protocol):
    """Which parameters these are, see `PartialObjective`."""

    @property
    def places(self) -> Tensor: ...

    def spread(self, v: Tensor) -> Tensor: ...

    def picked(self, v: Tensor) -> Tensor: ...


class PartialRows(FactorRows):
    """M E, the columns of what trains."""

    def __init__(self, part: Part, whole: FactorRows) -> None:
        self.part, self.whole = part, whole

    @property
    def num_rows(self) -> int:
        return self.whole.num_rows

    def times(self, v: Tensor) -> Tensor:
        return self.whole.times(self.part.spread(v))

    def transposed(self, u: Tensor) -> Tensor:
        return self.part.picked(self.whole.transposed(u))

    def gram(self, weights: Tensor) -> Tensor:
        return self.whole.gram(self.part.spread(weights))

    def columns(self, places: Tensor) -> Tensor:
        return self.whole.columns(self.part.places[places])

    def squares(self) -> Tensor:
        return self.part.picked(self.whole.squares())
