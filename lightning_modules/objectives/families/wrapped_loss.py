"""A loss that is another one in all but some respect."""

from torch import Tensor

from lightning_modules.objectives.families.pointwise_loss import MeanOf, PointwiseLoss


class WrappedLoss(PointwiseLoss):
    """The same loss; what differs is said by the classes below.

    Args:
        exact: l.
    """

    def __init__(self, exact: PointwiseLoss) -> None:
        super().__init__(exact.num_outputs)
        self.exact = exact
        self.shift_invariant, self.has_units, self.bends_evenly = exact.shift_invariant, exact.has_units, exact.bends_evenly
        self.infimum = exact.infimum

    def check(self, targets: Tensor) -> Tensor:
        return self.exact.check(targets)

    def unit(self, mean_of: MeanOf) -> float:
        return self.exact.unit(mean_of)

    def loss(self, z: Tensor, y: Tensor) -> Tensor:
        return self.exact.loss(z, y)

    def mean(self, z: Tensor) -> Tensor:
        return self.exact.mean(z)

    def gradient(self, z: Tensor, y: Tensor) -> Tensor:
        return self.exact.gradient(z, y)

    def loss_and_gradient(self, z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return self.exact.loss_and_gradient(z, y)

    def curvature_product(self, z: Tensor, y: Tensor, v: Tensor) -> Tensor:
        return self.exact.curvature_product(z, y, v)

    def curvature_factor(self, z: Tensor, y: Tensor) -> Tensor:
        return self.exact.curvature_factor(z, y)
