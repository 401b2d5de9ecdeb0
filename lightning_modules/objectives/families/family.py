r"""The pointwise part of a generalised linear model.

    l(z, y)                     loss of one row, convex in its linear predictors z (K,)
    μ(z)                        the mean that they stand for, the inverse of the link
    ∂²l/∂z² ⪰ 0                 the observed information of a row
    E[∂²l/∂z²],  y ~ μ(z)       the expected one

With its canonical link a family's loss is  A(z) − ⟨t(y), z⟩ + const: then μ = ∇A, and ∂²l/∂z² = ∇μ(z) does not depend on y,
so that both informations, and the Hessian and the generalised Gauss–Newton matrix of the model, are the same. With another
link "hessian" is the observed information and "ggn" the expected one, by which Newton's method is Fisher scoring.

Reference: P. McCullagh and J. Nelder, Generalized Linear Models, 2nd ed. (1989), sections 2.2 and 2.5.
"""

import math
from abc import abstractmethod

import torch
from torch import Tensor

from lightning_modules.objectives.double_double import Pair
from lightning_modules.objectives.families.pointwise_loss import PointwiseLoss


class Family(PointwiseLoss):
    """Loss, gradient and curvature of one row as functions of its linear predictor.

    Args:
        num_outputs: K, the number of linear predictors of a row.
    """

    # c with |l'''(z)[u, u, v]| ≤ c max_k |v_k| l''(z)[u, u] for all u, v: generalised self-concordance (Bach, 2010, section 2).
    # Infinite where no c is right everywhere; then `local_self_concordance` may have one that is right near a point.
    self_concordance: float
    # What is so of the data where the loss falls forever along a direction.
    separation = "the classes are separated"
    # What keeps the coefficients finite then.
    remedy = "l2 > 0"
    # Whether the curvature of a row is one weight w for all its outputs, ∂²l/∂z² = w I, so that rows √w x̃ have its root.
    has_row_weights = False
    # What z is a number of, in words: the unit of coefficients, each per unit of its feature.
    predictor = "the target's unit"
    # Whether a target may be the share k/m of m trials, in a row of weight m.
    takes_shares = False
    # Whether the variance of a target has a factor φ that is estimated.
    has_dispersion = False

    @abstractmethod
    def mean(self, z: Tensor) -> Tensor:
        """Expected sufficient statistic μ(z): (n, K) -> (n, K)."""

    @abstractmethod
    def curvature(self, z: Tensor, y: Tensor) -> Tensor:
        """∂²l/∂z∂zᵀ of each row: (n, K), checked targets -> (n, K, K)."""

    @abstractmethod
    def curvature_diagonal(self, z: Tensor, y: Tensor) -> Tensor:
        """Diagonal of `curvature`: (n, K), checked targets -> (n, K)."""

    @property
    def expected(self) -> "Family":
        """The same family with the expected information as its curvature: itself, if its link is canonical."""
        return self

    @abstractmethod
    def recession(self, z: Tensor, y: Tensor) -> Tensor:
        """Slope of the loss far out, lim l(tz, y) / t for t → ∞: (n, K), checked targets -> (n,), all ≥ 0.

        0 where going on along z never raises the loss of the row. Source: R. T. Rockafellar, Convex Analysis (1970),
        section 8 (recession functions).
        """

    # -- for inference -------------------------------------------------------------------------------------------------

    def variance(self, mean: Tensor) -> Tensor:
        """Var y / φ as a function of the mean: (n, 1) -> (n, 1). One output only."""
        raise NotImplementedError(f"{type(self).__name__} does not say the variance of its targets")

    def least_loss(self, y: Tensor) -> Tensor:
        """The loss of each row where its target is met: checked targets -> (n,). Deviances are twice what losses are above."""
        return y.new_zeros(len(y), dtype=torch.float64)

    def log_likelihood_met(self, y: Tensor, weights: Tensor, dispersion: float) -> Tensor | None:
        """The log-likelihood of each row where its target is met, as often as it counts: checked targets, (n,) -> (n,).

        None where it has no closed form. Elsewhere it is less by the loss above the least one, times weight/φ.
        """
        return None

    def duality_gap(self, z: Tensor, y: Tensor, slope: Tensor) -> Tensor | None:
        """l(z) + l*(s) − ⟨s, z⟩ ≥ 0, l* the convex conjugate of the loss, which is 0 where s is the gradient at z.

        (n, K), checked targets, (n, K) -> (n,), infinite where s is no slope of the loss anywhere; None where l* has no closed
        form.
        """
        return None

    # -- for what is proved --------------------------------------------------------------------------------------------

    def local_self_concordance(self, z: Tensor, y: Tensor) -> Tensor:
        """c ≥ 1 as above for all predictors within 1 of these ones: (n, K), checked targets -> () or (n, 1)."""
        return z.new_full((), self.self_concordance)

    def sensitivity(self, z: Tensor, y: Tensor, errors: Tensor) -> Tensor:
        """How far the gradient is off at most if no predictor of a row is off by more than its error.

        Along the way the curvature is at most e^(c·error) times that at z, and of any curvature |H_jk| ≤ √(H_jj H_kk).

        (n, K), checked targets, (n, 1) -> (n, K)
        """
        if not self.self_concordance < math.inf:
            factor = (self.local_self_concordance(z, y) * errors).exp().where(errors <= 1, torch.inf)
        else:
            factor = (self.self_concordance * errors).exp()
        roots = self.curvature_diagonal(z, y).sqrt()
        return factor * errors * roots * roots.sum(1, keepdim=True)

    def gradient_terms(self, z: Tensor, y: Tensor) -> Tensor:
        """Σ of the magnitudes that the gradient is the difference of, to tell its rounding by: as `gradient`."""
        return self.mean(z).abs() + self.gradient(z, y).abs()

    def precise_gradient(self, z: Pair, y: Tensor) -> Pair:
        """`gradient` at predictors with twice the digits: as exact as a function of z, rounded once, is; (n, K) each."""
        return Pair(self.gradient(z.hi, y), self.curvature_product(z.hi, y, z.lo))
