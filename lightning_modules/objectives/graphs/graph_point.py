"""Value and gradient of the loss of a graph of layers, by one sweep down."""

from functools import cached_property

import torch
from torch import Tensor

from lightning_modules.objectives.graphs.graph_curvature import GraphCurvature
from lightning_modules.objectives.graphs.graph_loss import GraphLoss, Pass
from lightning_modules.objectives.graphs.graph_passes import GraphPasses
from lightning_modules.objectives.kind import Kind
from lightning_modules.objectives.objective import Objective, Point


class GraphPoint(Point):
    """θ, with the passes of the rows through the layers there.

    Args:
        objective: whose point it is.
        loss: the layers on their rows.
        theta: θ (p,).
    """

    def __init__(self, objective: Objective, loss: GraphLoss, theta: Tensor) -> None:
        super().__init__(objective, theta)
        self.loss, self.passes = loss, GraphPasses(loss, self.theta)

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
            add_gradient(each, sums)
        return self.loss.penalised(self.loss.mean(sums), self.theta)

    @property
    def _is_joint(self) -> bool:
        """Whether value and gradient are computed together, see `NetworkPoint`."""
        return self.objective.is_sample or not self.passes.are_kept

    @cached_property
    def _value_and_gradient(self) -> tuple[Tensor, Tensor]:
        sums = self.theta.new_zeros(len(self.theta) + 1)
        for each in self.passes:
            sums[-1] += each.losses.sum()
            add_gradient(each, sums[:-1])
        means = self.loss.mean(sums)
        return means[-1] + self.loss.penalty(self.theta), self.loss.penalised(means[:-1], self.theta)

    def make_curvature(self, kind: Kind) -> GraphCurvature:
        return GraphCurvature(self, kind, self.passes)


def add_gradient(each: Pass, sums: Tensor) -> None:
    """Add the gradient of a pass's summed losses to `sums` (p,)."""
    for node, visit, e in each.sweeps.down(each.slopes[None]):
        for slot, gradients in zip(node.slots, node.layer.gradients(visit, e), strict=True):
            slot.of(sums).add_(gradients[0])
