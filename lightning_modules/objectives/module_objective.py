r"""The loss of any module as a function of its flat parameters, by automatic differentiation.

    value(θ) = 1/n Σ_processes loss(module at θ, this process's batch),      n = Σ_processes rows of the batch

`loss` returns a *sum* over rows, so shards may be uneven or empty and the division comes last, as everywhere. It may look
at the rows of other processes too, if its backward pass sends them their gradients: then each process's sum is that of its
own rows, and the gradient of the total is still the sum of what the processes compute.

A loss that is given in two parts, `SplitLoss`, has a Gauss–Newton matrix too, and an unbiased estimate of its diagonal.
"""

from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from lightning_modules.objectives.curvature import Curvature
from lightning_modules.objectives.differentiation import pulled_back
from lightning_modules.objectives.flattened import refuse_other_length
from lightning_modules.objectives.kind import Kind
from lightning_modules.objectives.l2_penalty import L2Penalty
from lightning_modules.objectives.layers_without_curvature import refuse_noise
from lightning_modules.objectives.objective import Objective, Point
from lightning_modules.objectives.once import once
from lightning_modules.objectives.own_rows import OwnRows
from lightning_modules.objectives.reduction import Reduction, joined_rows, this_process, total_count, total_rows
from lightning_modules.objectives.split_loss import SplitLoss, SummedLoss
from lightning_modules.solvers import StoredRows


class ModuleObjective(Objective):
    """Mean loss of a module over a batch. The module's own parameters are never read or changed, only replaced by θ.

    Args:
        module: any module; θ (p,) is laid out as its `parameters()`.
        loss: (module, batch) -> the sum of the losses of the batch's rows (); a `SplitLoss` has a Gauss–Newton matrix too.
        batch: this process's rows, in whatever form `loss` takes them.
        num_rows: how many rows that is, ≥ 0.
        reduction: sums over processes; `this_process` if all rows are here.
        l2: λ ≥ 0 of the penalty λ/2 Σ ‖W‖² on parameters with two or more dimensions.
        is_redundant: whether many parameters say the same, as in a network; see `Knowledge`.
        without_layers: why nothing is known of its layers, for messages.

    Raises:
        ValueError: not a single row on any process.
    """

    def __init__(
        self,
        module: nn.Module,
        loss: SummedLoss,
        batch: Any,
        num_rows: int,
        reduction: Reduction = this_process,
        l2: float = 0.0,
        is_redundant: bool = False,
        without_layers: str | None = None,
    ) -> None:
        self.is_redundant, self.without_layers = is_redundant, without_layers
        self.l2 = L2Penalty.of_shapes(l2, [parameter.shape for parameter in module.parameters()])
        self.has_convex_outputs = isinstance(loss, SplitLoss) and loss.is_convex
        self.module, self.reduction, self.own = module, reduction, OwnRows(module, loss, batch)
        self.own_rows = num_rows
        self.num_rows = total_rows(num_rows, reduction, next(module.parameters()).device)
        if self.num_rows == 0:
            raise ValueError("there is not a single row to compute a loss from")

    def mean(self, own: Tensor) -> Tensor:
        """This process's sum -> the mean over all rows."""
        return self.reduction(own) / self.num_rows

    def value(self, theta: Tensor) -> Tensor:
        self.refuse_noise()
        return self.mean(self.own.value(theta)) + self.penalty(theta)

    def penalty(self, theta: Tensor) -> Tensor:
        return self.l2.value(theta)

    def own_total(self) -> tuple[Tensor, int] | None:
        if self.l2.strength:
            return None
        return self.own.loss(self.module, self.own.batch), self.own_rows

    def outputs(self, theta: Tensor) -> Tensor:
        self.refuse_noise()
        return self.own.outputs(theta)

    def output_loss(self, outputs: Tensor) -> Tensor:
        return self.mean(self.own.output_loss(outputs))

    @property
    def infimum(self) -> float | None:  # type: ignore[override]
        """As the loss is given."""
        loss = self.own.loss
        return loss.infimum if isinstance(loss, SplitLoss) else None

    @property
    def is_split(self) -> bool:
        return isinstance(self.own.loss, SplitLoss)

    def point(self, theta: Tensor) -> "_ModulePoint":
        count = sum(shape.numel() for shape in self.own.shapes.values())
        refuse_other_length(theta, count, type(self.module).__name__)
        return _ModulePoint(self, theta)

    def refuse_noise(self) -> None:
        """Refuse to compare or differentiate twice what is another function at each evaluation.

        Raises:
            ValueError: a layer is random, or normalises by the batch, in its present mode.
        """
        refuse_noise(self.module)


class _ModulePoint(Point):
    """What this process's rows say at θ, summed over processes.

    The gradient, with the value of the same pass, is the only thing that a noisy module is asked for.
    """

    objective: ModuleObjective

    def __init__(self, objective: ModuleObjective, theta: Tensor) -> None:
        super().__init__(objective, theta)
        self.own = objective.own.point(self.theta)

    @cached_property
    def value(self) -> Tensor:
        if "gradient" not in vars(self.own):
            self.objective.refuse_noise()
        return self.objective.mean(self.own.value) + self.objective.penalty(self.theta)

    @cached_property
    def gradient(self) -> Tensor:
        return self.objective.l2.add_product(self.objective.mean(self.own.gradient), self.theta)

    def make_curvature(self, kind: Kind) -> "_ModuleCurvature":
        self.objective.refuse_noise()
        return _ModuleCurvature(self, kind)


class _ModuleCurvature(Curvature):
    """The curvature of this process's rows, summed over processes."""

    objective: ModuleObjective

    def __init__(self, point: _ModulePoint, kind: Kind) -> None:
        super().__init__(point, kind)
        self.own = point.own.curvature(kind)

    def product(self, v: Tensor) -> Tensor:
        return self.objective.l2.add_product(self.objective.mean(self.own.product(v)), v)

    def form(self, directions: Tensor) -> Tensor:
        if self.kind == "hessian":
            return super().form(directions)
        jv = pulled_back(*self.own._forward_product(), directions)  # nothing has to be pulled back to the parameters again
        hjv = pulled_back(*self.own._loss_gradient(), jv)
        form = self.objective.mean(jv.flatten(1) @ hjv.flatten(1).T)
        return form + directions @ self.objective.l2.add_product(torch.zeros_like(directions), directions).T

    def bend(self, step: Tensor) -> Tensor:
        return self.objective.mean(self.own.bend(step))

    @once
    def matrix(self) -> Tensor:
        matrix = self.objective.mean(self.own.matrix())
        self.objective.l2.add_product(matrix.diagonal(), torch.ones_like(self.theta))
        return matrix

    @once
    def diagonal(self) -> Tensor:
        diagonal = self.objective.mean(self.own.diagonal())
        return self.objective.l2.add_product(diagonal, torch.ones_like(diagonal))

    def diagonal_estimate(self, draws: int, seed: int) -> Tensor:
        loss, reduction = self.objective.own.loss, self.objective.reduction
        if self.kind == "hessian" or not isinstance(loss, SplitLoss) or loss.random_slope is None:
            return super().diagonal_estimate(draws, seed)
        outputs, leaf = self.own._model()
        # What processes draw for their rows is independent.
        generator = torch.Generator(leaf.device).manual_seed(seed * reduction.num_processes + reduction.rank)
        squares = torch.zeros_like(leaf)
        for _ in range(draws):
            slope = loss.random_slope(outputs.detach(), self.objective.own.batch, generator)
            squares += reduction(pulled_back(outputs, leaf, slope[None])[0]).square()
        estimate = squares / (draws * self.objective.num_rows)
        return self.objective.l2.add_product(estimate, torch.ones_like(estimate))

    @property
    def num_factor_rows(self) -> int:
        return total_count(self.own.num_factor_rows, self.objective.reduction, self.theta.device)

    def factor_rows(self) -> StoredRows:
        own = self.own.jacobian_rows()
        return StoredRows(joined_rows(own, self.objective.reduction) / self.objective.num_rows**0.5)
