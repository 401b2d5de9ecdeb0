r"""Negative binomial family with the logarithm as its link: counts that vary more than Poisson's.

    μ = eᶻ ,   Var y = μ + α μ² ,        s = z + log α ,  αμ/(1 + αμ) = σ(s)

    l(z, y)   = (y + 1/α) log(1 + αμ) − y s + const        half the unit deviance: 0 where a target is met
    ∂l/∂z     = (μ − y)/(1 + αμ) = σ(s)/α − y σ(−s)
    ∂²l/∂z²   = (y + 1/α) σ(s) σ(−s) ,      E[∂²l/∂z²] = σ(s)/α

The second derivative is a logistic one times a number, so that |l'''| ≤ l''.

Source: A. Cameron and P. Trivedi, Regression Analysis of Count Data, 2nd ed. (2013), section 3.3 (NB2).
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import softplus

from lightning_modules.objectives.families.amounts import checked_amounts
from lightning_modules.objectives.families.divergences import divergence
from lightning_modules.objectives.families.log_link import LogLink


class NegativeBinomial(LogLink):
    """As above; K = 1.

    Args:
        dispersion: α > 0; near 0 it is Poisson's family.
        is_estimated: whether α was estimated from the targets, and so is a parameter to be counted.

    Raises:
        ValueError: α is not positive and finite.
    """

    self_concordance = 1.0

    def __init__(self, dispersion: float, is_estimated: bool = False) -> None:
        super().__init__()
        self.is_estimated = is_estimated
        if not 0 < dispersion < math.inf:
            raise ValueError(
                f"dispersion={dispersion}: α of the variance μ + αμ² must be a positive number; for α = 0 use PoissonRegression"
            )
        self.dispersion = float(dispersion)

    def check(self, targets: Tensor) -> Tensor:
        """Counts of any type, (n,) or (n, 1) -> (n, 1)."""
        return checked_amounts(targets, is_whole=True)

    def loss(self, z: Tensor, y: Tensor) -> Tensor:
        y = y.to(z.dtype)
        return (self._without_constant(z, y) - self._met(y))[:, 0]

    def _without_constant(self, z: Tensor, y: Tensor) -> Tensor:
        # (y + 1/α) log(1 + e^s) − y s as sums of positive terms, 1/α softplus(s) + y softplus(−s).
        s = self._scaled(z)
        return softplus(s, threshold=40) / self.dispersion + y * softplus(-s, threshold=40)

    def _met(self, y: Tensor) -> Tensor:
        """`_without_constant` at the mean that is the target; 0 for none."""
        some = torch.where(y == 0, 1.0, y)
        return torch.where(y == 0, 0.0, self._without_constant(some.log(), y))

    def gradient(self, z: Tensor, y: Tensor) -> Tensor:
        s = self._scaled(z)
        return torch.sigmoid(s) / self.dispersion - y.to(z.dtype) * torch.sigmoid(-s)

    def second_derivative(self, z: Tensor, y: Tensor) -> Tensor:
        s = self._scaled(z)
        return (y.to(z.dtype) + 1 / self.dispersion) * torch.sigmoid(s) * torch.sigmoid(-s)

    def expected_second_derivative(self, z: Tensor) -> Tensor:
        return torch.sigmoid(self._scaled(z)) / self.dispersion

    def recession(self, z: Tensor, y: Tensor) -> Tensor:
        return torch.where(z > 0, z / self.dispersion, -y.to(z.dtype) * z)[:, 0]

    def variance(self, mean: Tensor) -> Tensor:
        return mean + self.dispersion * mean.square()

    def log_likelihood_met(self, y: Tensor, weights: Tensor, dispersion: float) -> Tensor:
        y, size = y.double(), 1 / self.dispersion
        ways = torch.lgamma(y + size) - math.lgamma(size) - torch.lgamma(y + 1)
        return weights * (ways - self._met(y))[:, 0]

    def duality_gap(self, z: Tensor, y: Tensor, slope: Tensor) -> Tensor:
        # The loss is y + 1/α times a logistic one of s.
        counts, y = y.to(z.dtype) + 1 / self.dispersion, y.to(z.dtype)
        return counts[:, 0] * divergence((slope + y) / counts, (1 / self.dispersion - slope) / counts, self._scaled(z))

    def gradient_terms(self, z: Tensor, y: Tensor) -> Tensor:
        s = self._scaled(z)
        return (1 + s.abs()) * (torch.sigmoid(s) / self.dispersion + y.to(z.dtype) * torch.sigmoid(-s))

    def _scaled(self, z: Tensor) -> Tensor:
        """s = log αμ."""
        return z + math.log(self.dispersion)
