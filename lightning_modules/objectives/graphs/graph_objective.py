r"""The loss of any module that is made of known layers, by their own sweeps.

    value(θ)     = 1/n Σ_i l(f(x_i; θ), y_i) + λ/2 Σ ‖W‖²                                    ()

Its derivatives: `graph_point.py`, `graph_curvature.py`.
"""

from functools import cached_property
from typing import cast

import torch
from torch import Tensor, nn

from lightning_modules.counting import counted
from lightning_modules.networks import Activation
from lightning_modules.objectives.common_shifts import common_shifts
from lightning_modules.objectives.families.pointwise_loss import PointwiseLoss
from lightning_modules.objectives.graphs.graph import Graph, Node
from lightning_modules.objectives.graphs.graph_loss import GraphLoss
from lightning_modules.objectives.graphs.graph_point import GraphPoint
from lightning_modules.objectives.graphs.sweeps import Sweeps, numbers_of_a_row
from lightning_modules.objectives.graphs.tracing import traced
from lightning_modules.objectives.l2_penalty import L2Penalty
from lightning_modules.objectives.layers import Affine, Elementwise, Linear
from lightning_modules.objectives.reduction import Reduction, this_process, total_rows
from lightning_modules.objectives.row_objective import RowObjective

# A bias whose curvature is less than this of what its weights' lets expect is one that a layer behind takes off again.
CANCELLED = 1e-6


class GraphObjective(RowObjective[Sweeps]):
    """Mean loss of a module of known layers plus λ/2 Σ ‖W‖²; biases and the scales of normalisations are not penalised.

    θ (p,) is laid out as the module's `parameters()`.

    Args:
        module: an `nn.Sequential`, or any module whose `forward` calls known layers; or its graph, if it was traced before.
            Its own parameters are never read, and nothing of it is changed.
        loss: of one row, as a function of the module's outputs.
        features: X (n, …), this process's rows; may be empty on some processes.
        targets: y, as `loss.check` takes them.
        l2: λ ≥ 0.
        reduction: sums over processes; `this_process` if all rows are here.

    Raises:
        UntraceableError: the module is no graph of known layers.
        ValueError: features that do not fit the module, targets that do not suit the loss, no row at all.
    """

    row_loss: GraphLoss

    def __init__(
        self,
        module: nn.Module | Graph,
        loss: PointwiseLoss,
        features: Tensor,
        targets: Tensor,
        l2: float = 0.0,
        reduction: Reduction = this_process,
    ) -> None:
        graph = module if isinstance(module, Graph) else traced(module, features)
        if graph.size == 0:
            raise ValueError(f"{graph.name} has no parameters, so there is nothing to train")
        if not any(node.slots for node in graph.nodes):
            raise ValueError(f"what {graph.name} returns does not depend on any of its parameters: use them in its forward")
        if len(features) != len(targets):
            raise ValueError(
                f"{counted(len(features))} of features but {counted(len(targets), 'target')}: they must match row by row"
            )
        self.num_rows = total_rows(len(features), reduction, targets.device)
        if self.num_rows == 0:
            raise ValueError("there is not a single row to compute a loss from")
        self.graph = graph
        penalty = L2Penalty.of_shapes(l2, [slot.shape for slot in graph.slots])
        row, targets = features[:0].to(targets.device), loss.check(targets)
        numbers, widest = numbers_of_a_row(graph, row, loss.num_outputs)
        self.row_loss = GraphLoss(loss, features, targets, penalty, reduction, self.num_rows, graph, numbers, widest)

    @property
    def num_parameters(self) -> int:
        return self.graph.size

    def point(self, theta: Tensor) -> GraphPoint:
        self.refuse_other_than(theta)
        return GraphPoint(self, self.row_loss, theta)

    def at(self, theta: Tensor) -> GraphPoint:
        return cast(GraphPoint, super().at(theta))

    # -- the loss, as a function to be differentiated ------------------------------------------------------------------

    def value(self, theta: Tensor) -> Tensor:
        return self.output_loss(self.outputs(theta)) + self.penalty(theta)

    def outputs(self, theta: Tensor) -> Tensor:
        features = self.row_loss.features.to(theta.device)
        return self.row_loss.trace(theta, features).outputs

    # -- what is known of it -------------------------------------------------------------------------------------------

    @property
    def has_hessian(self) -> bool:
        functions = [node.layer.function for node in self.graph.nodes if isinstance(node.layer, Elementwise)]
        return all(function.twice_differentiable for function in functions if isinstance(function, Activation))

    @property
    def output_bounds(self) -> tuple[float, float]:
        last = self.graph.nodes[-1].layer
        function = last.function if isinstance(last, Elementwise) else None
        return function.bounds if isinstance(function, Activation) else super().output_bounds

    def pooled(self, diagonal: Tensor) -> Tensor:
        """The mean over the layers, in the units of features and targets; see `NetworkObjective.pooled`.

        A weight of a layer that reads the features is pooled by the mean square of its own feature or channel; outputs are in
        the units of the targets, if these have any, so that their layer has a mean of its own.
        """
        pooled = diagonal.clone()
        last = self.graph.nodes[-1]
        groups: list[list[Tensor]] = [[], []]
        scaled: list[tuple[Tensor, Tensor]] = []
        for node in self.graph.nodes:
            parts = list(node.weights(pooled))
            group = groups[int(self.loss.has_units and node is last)]
            if 0 in node.inputs and len(parts) > 1 and isinstance(node.layer, Affine):
                weight, bias = parts[0], parts[1]
                over = [dim for dim in range(weight.ndim) if dim != 1]
                # What the bias would bend the loss by if it were one more input, of 1. Where a layer behind takes means off, as
                # an InstanceNorm does, the bias is nothing but rounding, and tells nothing of the unit of features.
                expected = weight.mean() / self._mean_square
                center = torch.where(bias.mean() > CANCELLED * expected, bias.mean(), expected)
                scaled.append((weight, weight.mean(over, keepdim=True) / torch.where(center > 0, center, 1.0)))
                group.append(bias)
            else:
                group.extend(parts)
        for group in groups:
            if group:
                mean = torch.cat([part.flatten() for part in group]).mean()
                for part in group:
                    part.copy_(mean)
        inner = groups[0][0].flatten()[0] if groups[0] else groups[1][0].flatten()[0]
        for weight, squares in scaled:
            weight.copy_((inner * squares).expand_as(weight))
        return pooled

    @cached_property
    def _mean_square(self) -> Tensor:
        """Of the features (), 1 where all are 0."""
        found = self.row_loss.mean_of_features(lambda x: x.double().square().flatten(1).mean(1))
        return torch.where(found > 0, found, 1.0)

    def invariant_directions(self, theta: Tensor) -> Tensor:
        """The common shifts of the last layer where the loss does not tell them apart."""
        last = self.graph.nodes[-1]
        if not (self.loss.shift_invariant and isinstance(last.layer, Linear) and _adjacent(last)):
            return super().invariant_directions(theta)
        shifts = common_shifts(last.weights(theta)[0], penalised=self.row_loss.l2 > 0)
        directions = theta.new_zeros(len(theta), shifts.shape[1]).to(shifts)
        directions[last.slots[0].start : last.slots[1].stop] = shifts
        return directions


def _adjacent(node: Node) -> bool:
    """Whether a layer has a weight and a bias, one after the other in θ."""
    return len(node.slots) == 2 and node.slots[0].stop == node.slots[1].start
