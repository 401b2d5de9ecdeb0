"""Absolute error, summed over the outputs of a row."""

import torch
from torch import Tensor

from lightning_modules.objectives.families.pointwise_loss import PointwiseLoss
from lightning_modules.objectives.families.pseudo_huber import PseudoHuber
from lightning_modules.objectives.families.real_targets import real_targets


class AbsoluteError(PointwiseLoss):
    """l(z, y) = Σ_k |z_k − y_k|, ∂l/∂z = sign(z − y), and no curvature but at the kink.

    Args:
        num_outputs: K, the number of real targets of a row.
    """

    has_units = True
    bends_evenly = True
    infimum = 0.0

    def check(self, targets: Tensor) -> Tensor:
        return real_targets(targets, self.num_outputs)

    def smoothed(self) -> PseudoHuber:
        """The loss that a method of second order minimises in its place."""
        return PseudoHuber(self.num_outputs, reweighted=True)

    def loss(self, z: Tensor, y: Tensor) -> Tensor:
        return (z - y.to(z.dtype)).abs().sum(1)

    def gradient(self, z: Tensor, y: Tensor) -> Tensor:
        return (z - y.to(z.dtype)).sign()

    def curvature_product(self, z: Tensor, y: Tensor, v: Tensor) -> Tensor:
        return torch.zeros_like(v)

    def curvature_factor(self, z: Tensor, y: Tensor) -> Tensor:
        return torch.zeros_like(z)[None]
