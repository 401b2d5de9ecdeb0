r"""Value and gradient of a generalised linear model.

    gradient    = 1/n Σ_i (∂l/∂z)_i ⊗ x̃_i + λ (W, 0)         x̃ = (x, 1)

Both come from one reading of the rows: a chunk that is in the cache for its predictors is there for the gradient too, and of
a trial step both are needed as good as always.
"""

from functools import cached_property
from typing import Any

from torch import Tensor

from lightning_modules.objectives.curvature import Kind
from lightning_modules.objectives.linear.glm import GLM
from lightning_modules.objectives.linear.glm_curvature import GLMCurvature
from lightning_modules.objectives.linear.predictors import Add, Predictors
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
            pull_back, total_loss = glm.layout.pulling_back(total[:-1]), total[-1]

            def add(x: Tensor, y: Tensor, z: Tensor) -> None:
                loss, gradient = glm.family.loss_and_gradient(z, y)
                total_loss.add_(loss.sum())
                pull_back(gradient, x)

            return add

        # One vector, so that one message sums both over processes.
        mean = self.predictors.mean_of((len(theta) + 1,), adding_to)
        if glm.l2 == 0:
            return mean[-1], mean[:-1]
        return mean[-1] + glm.penalty(theta), mean[:-1] + glm.l2 * glm.layout.weights_of(theta)

    def make_curvature(self, kind: Kind) -> GLMCurvature:
        return GLMCurvature(self, kind, self.predictors)

    def results_of(self, kind: Kind) -> dict[str, Any]:
        # z is linear in θ, so the generalised Gauss–Newton matrix is the Hessian.
        return super().results_of("hessian")
