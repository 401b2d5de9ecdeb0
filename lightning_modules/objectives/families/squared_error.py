"""Squared error, summed over the outputs of a row."""

import torch
from torch import Tensor

from lightning_modules.objectives.families.pointwise_loss import PointwiseLoss
from lightning_modules.objectives.families.real_targets import real_targets


class SquaredError(PointwiseLoss):
    """l(z, y) = ‖z − y‖², ∂l/∂z = 2 (z − y), ∂²l/∂z² = 2 I: twice the Gaussian family's loss.

    Args:
        num_outputs: K, the number of real targets of a row.
    """

    has_units = True
    bends_evenly = True
    infimum = 0.0

    def check(self, targets: Tensor) -> Tensor:
        return real_targets(targets, self.num_outputs)

    def loss(self, z: Tensor, y: Tensor) -> Tensor:
        return (z - y.to(z.dtype)).square().sum(1)

    def gradient(self, z: Tensor, y: Tensor) -> Tensor:
        return 2 * (z - y.to(z.dtype))

    def curvature_product(self, z: Tensor, y: Tensor, v: Tensor) -> Tensor:
        return 2 * v

    def curvature_factor(self, z: Tensor, y: Tensor) -> Tensor:
        return torch.diag_embed(torch.full_like(z, 2**0.5)).transpose(0, 1)

    def random_slope(self, z: Tensor, y: Tensor, signs: Tensor) -> Tensor:
        return 2**0.5 * signs
