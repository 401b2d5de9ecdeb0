"""Value and gradient of a network's loss on rows, a pass at a time."""

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Generic

import torch
from torch import Tensor

from lightning_modules.objectives.objective import Objective, Point
from lightning_modules.objectives.passes import Passes
from lightning_modules.objectives.row_loss import AnyTrace, Pass, RowLoss


class PassedPoint(Point, ABC, Generic[AnyTrace]):
    """θ, with the passes of the rows through the network there.

    Args:
        objective: whose point it is.
        loss: the network on its rows.
        theta: θ (p,).
    """

    def __init__(self, objective: Objective, loss: RowLoss[AnyTrace], theta: Tensor) -> None:
        super().__init__(objective, theta)
        self.loss, self.passes = loss, Passes(loss, self.theta)

    @abstractmethod
    def add_gradient(self, each: Pass[AnyTrace], sums: Tensor) -> None:
        """Add the gradient of a pass's summed losses to `sums` (p,)."""

    @cached_property
    def value(self) -> Tensor:
        if self._is_joint:
            return self._value_and_gradient[0]
        losses = self.theta.new_zeros(())
        for each in self.passes:
            losses = losses + each.losses.sum()
        return self.loss.mean(losses) + self.loss.penalty(self.theta)

    @cached_property
    def gradient(self) -> Tensor:
        if self._is_joint:
            return self._value_and_gradient[1]
        sums = torch.zeros_like(self.theta)
        for each in self.passes:
            self.add_gradient(each, sums)
        return self.loss.penalised(self.loss.mean(sums), self.theta)

    @property
    def _is_joint(self) -> bool:
        """Whether value and gradient are computed together: where passes are not kept, one of them has to give both; of a
        sample both are always needed, and one message to the other processes is enough."""
        return self.objective.is_sample or not self.passes.are_kept

    @cached_property
    def _value_and_gradient(self) -> tuple[Tensor, Tensor]:
        # The loss last, which leaves the gradient aligned.
        sums = self.theta.new_zeros(len(self.theta) + 1)
        for each in self.passes:
            sums[-1] += each.losses.sum()
            self.add_gradient(each, sums[:-1])
        means = self.loss.mean(sums)
        value = means[-1] + self.loss.penalty(self.theta) if self.loss.l2 else means[-1]
        return value, self.loss.penalised(means[:-1], self.theta)
