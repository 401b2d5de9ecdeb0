r"""Value and gradient of a generalised linear model.

    gradient    = 1/n Σ_i (∂l/∂z)_i ⊗ x̃_i + λ (W, 0)         x̃ = (x, 1)

Both come from one reading of the rows: a chunk that is in the cache for its predictors is there for the gradient too, and of
a trial step both are needed as good as always.
"""

import math
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from lightning_modules.objectives.kind import Kind
from lightning_modules.objectives.linear.distance_bound import DistanceBound, distance_bound, longest
from lightning_modules.objectives.linear.glm import GLM
from lightning_modules.objectives.linear.glm_curvature import GLMCurvature
from lightning_modules.objectives.linear.precise_gradient import precise_gradient
from lightning_modules.objectives.linear.predictors import Add, Predictors
from lightning_modules.objectives.linear.root import Root, by_output, root
from lightning_modules.objectives.linear.rounding import rounding_at
from lightning_modules.objectives.objective import Objective, Point


class GLMPoint(Point):
    """θ, with the linear predictors of the rows there.

    Args:
        objective: whose point it is.
        glm: the model on its rows.
        theta: θ (p,).
    """

    def __init__(self, objective: Objective, glm: GLM, theta: Tensor) -> None:
        super().__init__(objective, theta)
        self.glm, self.predictors = glm, Predictors(glm, self.theta)

    @cached_property
    def value(self) -> Tensor:
        return self._value_and_gradient[0]

    @cached_property
    def gradient(self) -> Tensor:
        return self._value_and_gradient[1]

    @cached_property
    def _value_and_gradient(self) -> tuple[Tensor, Tensor]:
        glm, theta = self.glm, self.theta

        def adding_to(total: Tensor) -> Add:
            pull_back, total_loss = glm.layout.pulling_back(total[:-1], glm.rows.columns), total[-1]

            def add(x: Tensor, y: Tensor, z: Tensor) -> None:
                loss, gradient = glm.family.loss_and_gradient(z, y)
                total_loss.add_(loss.sum())
                pull_back(gradient, x)

            return add

        # One vector, so that one message sums both over processes.
        mean = self.predictors.mean_of((len(theta) + 1,), adding_to)
        if glm.l2 == 0:
            return mean[-1], mean[:-1]
        weights = glm.layout.weights_of(theta)
        return mean[-1] + 0.5 * glm.l2 * (weights @ weights), torch.add(mean[:-1], weights, alpha=glm.l2)

    # -- for what is proved --------------------------------------------------------------------------------------------

    @cached_property
    def root(self) -> Root | None:
        """A triangular root of the Hessian; None where it is singular to rounding, or not in float64."""
        return root(self.predictors, self.curvature("hessian").matrix()) if self.theta.dtype == torch.float64 else None

    @cached_property
    def scaled_gradient(self) -> Tensor:
        """The gradient in the units and the order of `Root`, with twice the digits where these are needed: (p,)."""
        if self.root is not None and self.root.is_from_rows:
            return precise_gradient(self.glm, self.theta)
        return self.gradient[by_output(self.glm, self.theta)] * self.glm.rows.scale.repeat(self.glm.family.num_outputs)

    def newton_step(self) -> tuple[Tensor, float] | None:
        if not self.glm.family.has_row_weights or self.root is None or not self.root.is_from_rows:
            return None
        h = self.root.reduced(self.scaled_gradient)
        step = -self.root.scale * self.root.solved(h)
        return step[self.glm.layout.by_layout(step.device)], float(h @ h)

    @cached_property
    def distance(self) -> DistanceBound:
        """How far the nearest minimiser is at most."""
        is_precise = self.root is not None and self.root.is_from_rows
        return distance_bound(self.predictors, self.root, self.scaled_gradient, rounding_at(self.predictors, is_precise))

    @property
    def decrement(self) -> float:
        """The Newton decrement λ; infinite without a root."""
        return math.inf if self.root is None else float(self.root.reduced(self.scaled_gradient).norm())

    @property
    def concordance(self) -> float:
        """C with |D³f[u, u, v]| ≤ C √(vᵀHv) D²f[u, u] everywhere, see `distance_bound.py`: rounding not counted."""
        return math.inf if self.root is None else self.predictors.self_concordance * longest(self.predictors, self.root)

    def make_curvature(self, kind: Kind) -> GLMCurvature:
        return GLMCurvature(self, kind, self.predictors, lambda: self.root)

    def results_of(self, kind: Kind) -> dict[str, Any]:
        # z is linear in θ, so that with a canonical link the generalised Gauss–Newton matrix is the Hessian.
        return super().results_of("hessian" if self.glm.family.expected is self.glm.family else kind)
