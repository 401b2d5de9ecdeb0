r"""The loss of a dense network on rows.

    value(θ)     = 1/n Σ_i l(f(x_i; θ), y_i) + λ/2 Σ_ℓ ‖W_ℓ‖²                                ()

Its derivatives, by sweeps that are written out: `network_point.py`, `network_curvature.py`.
"""

from functools import cached_property
from typing import cast

import torch
from torch import Tensor

from lightning_modules.counting import counted
from lightning_modules.networks import DenseNetwork, Identity
from lightning_modules.objectives.columns import Columns
from lightning_modules.objectives.common_shifts import common_shifts
from lightning_modules.objectives.families.pointwise_loss import PointwiseLoss
from lightning_modules.objectives.l2_penalty import L2Penalty
from lightning_modules.objectives.layered.network_loss import NetworkLoss
from lightning_modules.objectives.layered.network_point import NetworkPoint
from lightning_modules.objectives.layered.trace import Layer, Trace, layers_of
from lightning_modules.objectives.reduction import Reduction, this_process, total_rows
from lightning_modules.objectives.row_objective import RowObjective


class NetworkObjective(RowObjective[Trace]):
    """Mean loss of a dense network plus λ/2 Σ ‖W_ℓ‖²; biases are not penalised.

    θ (p,) = (W_1 row by row, b_1, W_2, …): the layout of the network's `parameters()`.

    Args:
        network: its architecture; its own parameters are never read.
        loss: of one row, as a function of the network's outputs.
        features: X (n, d), this process's rows; may be empty on some processes, and on the host while the targets are on a
            device.
        targets: y, as `loss.check` takes them.
        l2: λ ≥ 0.
        reduction: sums over processes; `this_process` if all rows are here.
        columns: what features are stored as (n, c); None = as they are.

    Raises:
        ValueError: features that do not fit the network, targets that do not suit the loss, no row at all.
    """

    row_loss: NetworkLoss

    def __init__(
        self,
        network: DenseNetwork,
        loss: PointwiseLoss,
        features: Tensor,
        targets: Tensor,
        l2: float = 0.0,
        reduction: Reduction = this_process,
        columns: Columns | None = None,
    ) -> None:
        network.check(features if columns is None else columns.expanded(features[:0]))
        columns = columns or Columns(features.shape[1])
        if len(features) != len(targets):
            raise ValueError(
                f"{counted(len(features))} of features but {counted(len(targets), 'target')}: they must match row by row"
            )
        if loss.num_outputs != network.widths[-1]:
            raise ValueError(
                f"the network has {network.widths[-1]} outputs, the loss takes {loss.num_outputs}: make the last width "
                f"{loss.num_outputs}"
            )
        self.num_rows = total_rows(len(features), reduction, targets.device)
        if self.num_rows == 0:
            raise ValueError("there is not a single row to compute a loss from")
        self.network = network
        self.shapes = [parameter.shape for parameter in network.parameters()]
        penalty = L2Penalty.of_shapes(l2, self.shapes)
        rows = features, loss.check(targets)
        self.row_loss = NetworkLoss(loss, *rows, penalty, reduction, self.num_rows, network, columns)

    @cached_property
    def num_parameters(self) -> int:
        return sum(shape.numel() for shape in self.shapes)

    def point(self, theta: Tensor) -> NetworkPoint:
        self.refuse_other_than(theta)
        return NetworkPoint(self, self.row_loss, theta)

    def at(self, theta: Tensor) -> NetworkPoint:
        return cast(NetworkPoint, super().at(theta))

    # -- the loss, as a function to be differentiated ------------------------------------------------------------------

    def value(self, theta: Tensor) -> Tensor:
        losses = theta.new_zeros(())
        for x, y in map(self.row_loss.chunk, self.row_loss.starts):
            outputs = self.row_loss.trace(theta, x).outputs
            losses = losses + self.loss.loss(outputs, y).sum()
        return self.row_loss.reduction(losses) / self.num_rows + self.penalty(theta)

    def outputs(self, theta: Tensor) -> Tensor:
        return Trace.of(self.network, theta, self.features_at(theta)).outputs

    def features_at(self, theta: Tensor) -> Tensor:
        """X (n, d) of this process, in the type of θ."""
        loss = self.row_loss
        return loss.columns.expanded(loss.features.to(theta))

    # -- what is known of it -------------------------------------------------------------------------------------------

    @property
    def has_hessian(self) -> bool:
        return self.network.activation.twice_differentiable and self.network.output_activation.twice_differentiable

    @property
    def output_bounds(self) -> tuple[float, float]:
        return self.network.output_activation.bounds

    def pooled(self, diagonal: Tensor) -> Tensor:
        """The mean over the network, in the units of features and targets.

        A first weight's curvature is that of its unit's bias times the square of its feature, by whose mean square it is
        pooled; outputs are in the units of the targets, if these have any, so that their layer has a mean of its own.
        """
        pooled = diagonal.clone()
        first, *others = layers_of(self.network, pooled)
        bias = first.bias.mean()
        squares = first.weight.mean(0, keepdim=True) / torch.where(bias > 0, bias, 1.0)
        inner, outer = (others[:-1], others[-1:]) if self.loss.has_units else (others, [])
        for group in ([first.bias, *parts_of(inner)], parts_of(outer)):
            if group:
                mean = torch.cat([part.flatten() for part in group]).mean()
                for part in group:
                    part.fill_(mean)
        first.weight.copy_((first.bias[0] * squares).expand_as(first.weight))
        return pooled

    def invariant_directions(self, theta: Tensor) -> Tensor:
        """The common shifts of the last layer where neither its activation nor the loss tells them apart."""
        if not (self.row_loss.pointwise.shift_invariant and isinstance(self.network.output_activation, Identity)):
            return super().invariant_directions(theta)
        shifts = common_shifts(layers_of(self.network, theta)[-1].weight, penalised=self.row_loss.l2 > 0)
        return torch.cat([shifts.new_zeros(len(theta) - len(shifts), shifts.shape[1]), shifts])


def parts_of(layers: list[Layer]) -> list[Tensor]:
    """Weights and biases of some layers."""
    return [part for layer in layers for part in (layer.weight, layer.bias)]
