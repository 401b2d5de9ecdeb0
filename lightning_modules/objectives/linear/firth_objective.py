r"""Logistic regression by Firth's penalised likelihood, whose coefficients are finite whatever the data.

    F(θ) = f(θ) − 1/2n log det (n H(θ)) ,     n H = Σ_i w_i c_i x̃_i x̃_iᵀ ,  c = p (1 − p)
    ∇F   = 1/n Σ_i w_i (p_i − y_i + h_i (p_i − ½)) x̃_i ,      h_i = c_i x̃_iᵀ (n H)⁻¹ x̃_i

The penalty is Jeffreys' prior: it takes away the first-order bias of the estimates, and falls to −∞ where a probability goes
to 0 or 1, so that there is a finite maximum for columns of full rank, also of separated classes. Steps take H for the
curvature, as scoring does; ∇F is exact, and so is where they end.

Sources: D. Firth, Bias reduction of maximum likelihood estimates (1993); G. Heinze and M. Schemper, A solution to the problem
of separation in logistic regression (2002); I. Kosmidis and D. Firth, Jeffreys-prior penalty, finiteness and shrinkage in
binomial-response generalized linear models (2021), theorem 1.
"""

import math
from functools import cached_property

import torch
from torch import Tensor

from lightning_modules.objectives.degeneracy import Degeneracy
from lightning_modules.objectives.families import Bernoulli
from lightning_modules.objectives.linear.glm_objective import GLMObjective
from lightning_modules.objectives.linear.glm_point import GLMPoint
from lightning_modules.objectives.linear.predictors import Add


class FirthObjective(GLMObjective):
    """As above.

    Args:
        family: `Bernoulli`.
        others: as in `GLMObjective`, without a penalty of another kind.

    Raises:
        ValueError: another family, or l2 > 0; those of `GLMObjective`.
    """

    is_convex = False
    is_quadratic = False

    def __init__(self, family: Bernoulli, *others: object, **options: object) -> None:
        super().__init__(family, *others, **options)  # type: ignore[arg-type]
        if not isinstance(family, Bernoulli):
            raise ValueError(f"Firth's penalty is that of the logit link, and not of {type(family).__name__}")
        if self.l2 > 0:
            raise ValueError(f"l2={self.l2:g} beside Firth's penalty: give one of them")

    def value(self, theta: Tensor) -> Tensor:
        weight, bias = self.layout.split(theta)
        total = theta.new_zeros(self.layout.width, self.layout.width)
        for x, y in self.rows.chunks(theta.dtype):
            extended = self.rows.extended(x).to(theta.dtype)
            weights = self.glm.family.curvature_diagonal(self.rows.columns.product(x, weight, bias), y)
            total = total + (extended * weights).T @ extended
        logarithm = torch.linalg.slogdet(self.rows.reduction(total)).logabsdet - 2 * self.rows.scale.log().sum()
        return super().value(theta) - logarithm / (2 * self.rows.weight)

    @property
    def is_split(self) -> bool:
        """The penalty is not of the outputs alone."""
        return False

    def point(self, theta: Tensor) -> "FirthPoint":
        return FirthPoint(self, self.glm, theta)

    def attains_minimum(self, theta: Tensor, decrement: float, hessian: Tensor | None) -> bool:
        """Proved for columns of full rank."""
        return not self.glm.dependent_columns

    def attains_partial_minimum(self, theta: Tensor, decrement: float, hessian: Tensor | None) -> bool:
        return self.attains_minimum(theta, decrement, hessian)

    def degeneracy(self, theta: Tensor, direction: Tensor | None = None) -> Degeneracy | None:
        """Linearly dependent features: separated classes are none."""
        return super().degeneracy(theta, direction) if self.glm.dependent_columns else None

    def distance_bound(self, theta: Tensor, gradient: Tensor, hessian: Tensor | None) -> float | None:
        """None is known."""
        return None


class FirthPoint(GLMPoint):
    """θ, with what the penalty adds there."""

    @cached_property
    def value(self) -> Tensor:
        if self.theta.dtype != torch.float64:
            return self._precise.value.to(self.theta.dtype)
        root = self.root
        if root is None:
            return torch.full_like(self._value_and_gradient[0], math.inf)
        logarithm = 2 * root.upper.diagonal().abs().log().sum() - 2 * root.scale.log().sum()
        logarithm = logarithm + len(self.theta) * math.log(self.glm.rows.weight)
        return self._value_and_gradient[0] - logarithm / (2 * self.glm.rows.weight)

    @cached_property
    def gradient(self) -> Tensor:
        if self.theta.dtype != torch.float64:
            return self._precise.gradient.to(self.theta.dtype)
        glm, root = self.glm, self.root
        if root is None:
            return torch.full_like(self.theta, math.nan)
        half, rows = (root.scale[:, None] * root.inverse) / glm.rows.scale[:, None], glm.rows

        def adding_to(total: Tensor) -> Add:
            pull_back = glm.layout.pulling_back(total, rows.columns)

            def add(x: Tensor, y: Tensor, z: Tensor) -> None:
                curvature = glm.family.curvature_diagonal(z, y)  # w c, so that h counts as often as the row
                leverage = curvature * (rows.extended(x) @ half).square().sum(1, keepdim=True) / rows.weight
                pull_back(leverage * (torch.sigmoid(glm.moved(z, y)) - 0.5), x)

            return add

        return self._value_and_gradient[1] + self.predictors.mean_of(self.theta.shape, adding_to, is_wide=True)

    @cached_property
    def _precise(self) -> "FirthPoint":
        """The same point in float64, where a determinant has digits."""
        return FirthPoint(self.objective, self.glm, self.theta.double())

    def newton_step(self) -> None:
        return None
