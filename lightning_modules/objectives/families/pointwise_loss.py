"""The loss of one row as a function of the model's outputs for it.

    l(z, y)                    loss of one row, convex in z
    ∂l/∂z,  ∂²l/∂z² ⪰ 0        its gradient and curvature
    ∂²l/∂z² = SᵀS              a factor S of the curvature, of as few rows as is easy

z (n, K) are the outputs of the model, y the targets.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor

# Takes a function of the targets of rows, (n, …) -> (n, …), and returns its mean over all rows, (…).
MeanOf = Callable[[Callable[[Tensor], Tensor]], Tensor]


class PointwiseLoss(ABC):
    """Loss, gradient and curvature of one row as functions of the model's outputs.

    Args:
        num_outputs: K, the number of outputs of a row.
    """

    # Whether adding one number to all K outputs of a row changes nothing.
    shift_invariant = False
    # Whether the outputs are in the units of the targets, whatever these are.
    has_units = False
    # What it never falls below; None where that depends on the targets, or there is no such number.
    infimum: float | None = None
    # Whether the curvature of every row is the same.
    bends_evenly = False

    def __init__(self, num_outputs: int) -> None:
        self.num_outputs = num_outputs

    def infimum_within(self, low: float, high: float) -> float | None:
        """What the loss never falls below where all outputs are between two numbers; None as for `infimum`."""
        return self.infimum

    @abstractmethod
    def check(self, targets: Tensor) -> Tensor:
        """Return the targets in the shape the other methods take; refuse those that do not suit the loss.

        Raises:
            ValueError: the targets do not suit the loss; the message says what was found and what would fit.
        """

    def unit(self, mean_of: MeanOf) -> float:
        """What the mean loss is measured in: 1, as a logarithm of a probability is, or in units of the targets the mean loss of
        predicting each by their mean: of squares half the variance or all of it, of absolute values the deviation.

        Args:
            mean_of: the mean over all rows of a function of checked targets, (n, K) where they have units.
        """
        if not self.has_units:
            return 1.0
        center = mean_of(lambda y: y.double())
        # Once more, since the first mean is as exact as sums of large numbers are.
        center = center + mean_of(lambda y: y.double() - center)
        return float(mean_of(lambda y: self.loss(torch.zeros_like(y.double()), y.double() - center)))

    @abstractmethod
    def loss(self, z: Tensor, y: Tensor) -> Tensor:
        """Loss of each row: (n, K), checked targets -> (n,)."""

    def total(self, z: Tensor, y: Tensor) -> Tensor:
        """Σ loss, for torch to differentiate: torch's own function where it has one, fused and known to mixed precision.

        (n, K), checked targets -> ()
        """
        return self.loss(z, y).sum()

    def mean(self, z: Tensor) -> Tensor:
        """The prediction that outputs stand for: (n, K) -> (n, K); the outputs themselves unless said otherwise."""
        return z

    @abstractmethod
    def gradient(self, z: Tensor, y: Tensor) -> Tensor:
        """∂l/∂z of each row: (n, K), checked targets -> (n, K)."""

    def loss_and_gradient(self, z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """`loss` and `gradient` of each row, together where that is cheaper: (n, K), checked targets -> (n,), (n, K)."""
        return self.loss(z, y), self.gradient(z, y)

    @abstractmethod
    def curvature_product(self, z: Tensor, y: Tensor, v: Tensor) -> Tensor:
        """∂²l/∂z² times a vector in each row: (n, K), checked targets, (n, K) -> (n, K)."""

    @abstractmethod
    def curvature_factor(self, z: Tensor, y: Tensor) -> Tensor:
        """The C rows of S with SᵀS = ∂²l/∂z², for each row of z: (n, K), checked targets -> (C, n, K)."""

    def curvature_trace(self, z: Tensor, y: Tensor) -> Tensor:
        """tr ∂²l/∂z² of each row: (n, K), checked targets -> (n,)."""
        return self.curvature_factor(z, y).square().sum((0, 2))

    def random_slope(self, z: Tensor, y: Tensor, signs: Tensor) -> Tensor:
        """Random e of each row with mean 0 and E eeᵀ = ∂²l/∂z², here Sᵀε.

        Args:
            z: (n, K).
            y: checked targets.
            signs: ε = ±1 (d, n, K), independent; where S has fewer rows, the first of them.

        Returns:
            e (d, n, K).
        """
        factor = self.curvature_factor(z, y)
        return torch.einsum("dnc,cnk->dnk", signs[..., : len(factor)], factor)
