"""Gaussian family: least squares."""

import math

import torch
from torch import Tensor

from lightning_modules.objectives.double_double import Pair, two_sum
from lightning_modules.objectives.families.family import Family
from lightning_modules.objectives.families.real_targets import real_targets


class Gaussian(Family):
    """l(z, y) = ½ ‖z − y‖², μ(z) = z, ∇μ = I.

    The half makes the curvature the identity, so that the Hessian of the mean loss is XᵀX / n. Reported mean squared
    errors are twice this loss (divided by the number of targets).

    Args:
        num_outputs: K, the number of real targets of a row.
    """

    has_units = True
    bends_evenly = True
    infimum = 0.0
    has_dispersion = True
    self_concordance = 0.0
    has_row_weights = True

    def check(self, targets: Tensor) -> Tensor:
        """Real targets (n, K), as `real_targets` has them."""
        return real_targets(targets, self.num_outputs)

    def loss(self, z: Tensor, y: Tensor) -> Tensor:
        return 0.5 * (z - y.to(z.dtype)).square().sum(1)

    def mean(self, z: Tensor) -> Tensor:
        return z

    def gradient(self, z: Tensor, y: Tensor) -> Tensor:
        return z - y.to(z.dtype)

    def curvature(self, z: Tensor, y: Tensor) -> Tensor:
        return torch.eye(self.num_outputs, dtype=z.dtype, device=z.device).expand(len(z), -1, -1)

    def curvature_diagonal(self, z: Tensor, y: Tensor) -> Tensor:
        return torch.ones_like(z)

    def curvature_product(self, z: Tensor, y: Tensor, v: Tensor) -> Tensor:
        return v

    def curvature_factor(self, z: Tensor, y: Tensor) -> Tensor:
        return self.curvature(z, y).transpose(0, 1)

    def random_slope(self, z: Tensor, y: Tensor, signs: Tensor) -> Tensor:
        return signs

    def recession(self, z: Tensor, y: Tensor) -> Tensor:
        return torch.where(z.abs().sum(1) > 0, torch.inf, 0.0).to(z)

    def variance(self, mean: Tensor) -> Tensor:
        return torch.ones_like(mean)

    def log_likelihood_met(self, y: Tensor, weights: Tensor, dispersion: float) -> Tensor:
        return -weights * self.num_outputs / 2 * math.log(2 * math.pi * dispersion)

    def duality_gap(self, z: Tensor, y: Tensor, slope: Tensor) -> Tensor:
        return 0.5 * (self.gradient(z, y) - slope).square().sum(1)

    def sensitivity(self, z: Tensor, y: Tensor, errors: Tensor) -> Tensor:
        return errors.expand_as(z)

    def gradient_terms(self, z: Tensor, y: Tensor) -> Tensor:
        return z.abs() + y.abs()

    def precise_gradient(self, z: Pair, y: Tensor) -> Pair:
        """To twice the digits."""
        hi, lo = two_sum(z.hi, -y.double())
        return Pair(hi, lo + z.lo)
