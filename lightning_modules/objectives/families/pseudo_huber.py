"""The absolute error made smooth at 0."""

import torch
from torch import Tensor

from lightning_modules.objectives.families.pointwise_loss import PointwiseLoss
from lightning_modules.objectives.families.real_targets import real_targets


class PseudoHuber(PointwiseLoss):
    """l(z, y) = Σ_k δ (√(1 + (r_k/δ)²) − 1),  r = z − y:  |r| − δ far out, r²/2δ near 0.

    With s = √(1 + (r/δ)²):  ∂l/∂z = r/(δs),  ∂²l/∂z² = 1/(δs³). Source: Hartley and Zisserman, Multiple View Geometry
    (2003), section A6.8, divided by δ so that its slope far out is 1.

    Far out the curvature is nearly 0, and Newton's method on it steps much too far. The parabola that touches l at r and
    has its vertex at 0 has curvature 1/(δs), and lies above l everywhere: `reweighted`, it takes the place of the
    curvature. That is iteratively reweighted least squares (Huber, Robust Statistics (1981), section 7.8).

    Args:
        num_outputs: K, the number of real targets of a row.
        delta: δ > 0, in the units of the targets: residuals below it count as squares.
        reweighted: whether the curvature is that of the parabola above.

    Raises:
        ValueError: δ is not positive.
    """

    has_units = True
    infimum = 0.0

    def __init__(self, num_outputs: int, delta: float = 0.1, reweighted: bool = False) -> None:
        super().__init__(num_outputs)
        if not 0 < delta < float("inf"):
            raise ValueError(f"PseudoHuber(delta={delta}): the width of the rounded corner must be a positive number")
        self.delta, self.reweighted = delta, reweighted

    def check(self, targets: Tensor) -> Tensor:
        return real_targets(targets, self.num_outputs)

    def loss(self, z: Tensor, y: Tensor) -> Tensor:
        # δ (s − 1) as r²/δ / (s + 1): the difference loses small residuals to cancellation.
        r, s = self._residual_and_root(z, y)
        return (r.square() / (self.delta * (s + 1))).sum(1)

    def gradient(self, z: Tensor, y: Tensor) -> Tensor:
        r, s = self._residual_and_root(z, y)
        return r / (self.delta * s)

    def curvature_product(self, z: Tensor, y: Tensor, v: Tensor) -> Tensor:
        return self._curvature(z, y) * v

    def curvature_factor(self, z: Tensor, y: Tensor) -> Tensor:
        return torch.diag_embed(self._curvature(z, y).sqrt()).transpose(0, 1)

    def random_slope(self, z: Tensor, y: Tensor, signs: Tensor) -> Tensor:
        return self._curvature(z, y).sqrt() * signs

    def _curvature(self, z: Tensor, y: Tensor) -> Tensor:
        _, s = self._residual_and_root(z, y)
        return 1 / (self.delta * (s if self.reweighted else s**3))

    def _residual_and_root(self, z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        r = z - y.to(z.dtype)
        return r, (1 + (r / self.delta).square()).sqrt()
