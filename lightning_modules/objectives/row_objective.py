r"""The mean loss of a network on rows, whatever the network is made of.

value(θ) = 1/n Σ_i l(f(x_i; θ), y_i) + λ/2 Σ ‖W‖²                                        ()
"""

from abc import abstractmethod
from copy import copy
from functools import cached_property
from math import inf
from typing import Generic

from torch import Tensor
from typing_extensions import Self

from lightning_modules.objectives.families.pointwise_loss import PointwiseLoss
from lightning_modules.objectives.flattened import refuse_other_length
from lightning_modules.objectives.objective import Objective, Point
from lightning_modules.objectives.passed_point import PassedPoint
from lightning_modules.objectives.row_loss import AnyTrace, RowLoss


class RowObjective(Objective, Generic[AnyTrace]):
    """A network's loss, of which rows may be left out.

    Attributes:
        row_loss: the rows and what is lost on each.
    """

    is_redundant = True
    row_loss: RowLoss[AnyTrace]

    @property
    def loss(self) -> PointwiseLoss:
        """l, the loss of one row."""
        return self.row_loss.pointwise

    @property
    def infimum(self) -> float | None:  # type: ignore[override]
        """Of the loss of one row, of outputs that can be: a penalty is never below 0."""
        return self.loss.infimum_within(*self.output_bounds)

    @property
    def output_bounds(self) -> tuple[float, float]:
        """Between which all outputs are."""
        return -inf, inf

    @cached_property
    def unit(self) -> float:  # type: ignore[override]
        """Of the loss on these targets."""
        return self.loss.unit(self.row_loss.mean_of_targets)

    @property
    @abstractmethod
    def num_parameters(self) -> int:
        """p."""

    @abstractmethod
    def point(self, theta: Tensor) -> PassedPoint[AnyTrace]:
        """As of every objective.

        Raises:
            ValueError: θ is no vector of p numbers.
        """

    def refuse_other_than(self, theta: Tensor) -> None:
        """Refuse a θ that has not the parameters' shape, which would be taken apart into wrong ones."""
        refuse_other_length(theta, self.num_parameters, "the network")

    def output_loss(self, outputs: Tensor) -> Tensor:
        return self.row_loss.reduction(self.loss.loss(outputs, self.row_loss.targets).sum()) / self.num_rows

    def penalty(self, theta: Tensor) -> Tensor:
        return self.row_loss.penalty(theta)

    def every_kth(self, k: int) -> Self:
        return self.on(self.row_loss.every_kth(k))

    def drawn(self, draws: int, seed: int) -> Self:
        return self.on(self.row_loss.drawn(draws, seed))

    def in_proportion(self, point: Point, k: int, seed: int) -> Point | None:
        if self.loss.bends_evenly:
            return None
        assert isinstance(point, PassedPoint)
        return self.on(self.row_loss.in_proportion(k, seed, point.passes)).point(point.theta)

    @property
    def num_factors(self) -> int:
        return self.row_loss.num_factors

    def on(self, row_loss: RowLoss[AnyTrace]) -> Self:
        """The same network on other rows, or under another loss."""
        other = copy(self)
        other.row_loss, other.num_rows = row_loss, row_loss.num_rows
        vars(other).pop("unit", None)
        return other
