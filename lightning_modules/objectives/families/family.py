"""The pointwise part of a generalised linear model with its canonical link.

    l(z, y) = A(z) − ⟨t(y), z⟩ + const        loss of one row
    ∂l/∂z   = μ(z) − t(y)                      μ = ∇A, the mean function (inverse link)
    ∂²l/∂z² = ∇μ(z) ⪰ 0                        does not depend on y

z (n, K) are the linear predictors, y the targets, t(y) their sufficient statistic. With the canonical link the
curvature is free of y, so the Hessian and the generalised Gauss–Newton matrix are the same.

Reference: P. McCullagh and J. Nelder, Generalized Linear Models, 2nd ed. (1989), section 2.2.
"""

from abc import abstractmethod

from torch import Tensor

from lightning_modules.objectives.families.pointwise_loss import PointwiseLoss


class Family(PointwiseLoss):
    """Loss, gradient and curvature of one row as functions of its linear predictor.

    Args:
        num_outputs: K, the number of linear predictors of a row.
    """

    # c with |l'''(z)[u, u, v]| ≤ c max_k |v_k| l''(z)[u, u] for all u, v: generalised self-concordance (Bach, 2010, section 2).
    self_concordance: float
    # Whether the mean function is 1-Lipschitz, ‖∇μ‖ ≤ 1, so that a predictor's rounding is no larger in the mean. A family
    # that does not say so has no bound on the distance to the optimum, which counts every rounding.
    has_lipschitz_mean = False
    # Whether the curvature of a row is one weight w for all its outputs, ∂²l/∂z² = w I, so that rows √w x̃ have its root.
    has_row_weights = False

    @abstractmethod
    def mean(self, z: Tensor) -> Tensor:
        """Expected sufficient statistic μ(z): (n, K) -> (n, K)."""

    @abstractmethod
    def curvature(self, z: Tensor) -> Tensor:
        """∂²l/∂z∂zᵀ of each row: (n, K) -> (n, K, K)."""

    @abstractmethod
    def curvature_diagonal(self, z: Tensor) -> Tensor:
        """Diagonal of `curvature`: (n, K) -> (n, K)."""

    @abstractmethod
    def recession(self, z: Tensor, y: Tensor) -> Tensor:
        """Slope of the loss far out, lim l(tz, y) / t for t → ∞: (n, K), checked targets -> (n,), all ≥ 0.

        0 where going on along z never raises the loss of the row. Source: R. T. Rockafellar, Convex Analysis (1970),
        section 8 (recession functions).
        """
