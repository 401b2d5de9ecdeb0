"""Gradient of the loss of a graph of layers, by one sweep down."""

from torch import Tensor

from lightning_modules.objectives.graphs.graph_curvature import GraphCurvature
from lightning_modules.objectives.graphs.graph_loss import GraphLoss
from lightning_modules.objectives.graphs.sweeps import Sweeps
from lightning_modules.objectives.kind import Kind
from lightning_modules.objectives.passed_point import PassedPoint
from lightning_modules.objectives.row_loss import Pass


class GraphPoint(PassedPoint[Sweeps]):
    """θ, with the passes of the rows through the layers there; arguments as of `PassedPoint`."""

    loss: GraphLoss

    def add_gradient(self, each: Pass[Sweeps], sums: Tensor) -> None:
        for node, visit, e in each.trace.down(each.slopes[None]):
            for slot, gradients in zip(node.slots, node.layer.gradients(visit, e), strict=True):
                slot.of(sums).add_(gradients[0])

    def make_curvature(self, kind: Kind) -> GraphCurvature:
        return GraphCurvature(self, kind, self.loss, self.passes)
