r"""Two classes by another link than the logit.

    P(y = 1) = F(z) ,    l(z, y) = y l₁(z) + (1 − y) l₀(z) ,    l₁ = −log F ,  l₀ = −log (1 − F)

    probit                   F = Φ,              l₀(z) = l₁(−z)
    complementary log–log    F = 1 − e^(−t),  t = eᶻ ,   l₁ = −log(1 − e^(−t)) ,  l₀ = t

Both logarithms are concave, so the loss is convex. Far out l₁'' falls like e^(−z²/2), and like e^(−eᶻ): no constant bounds
|l'''|/l'' everywhere, so that self-concordance holds near a point only, with the constant of the farthest row.

Source: P. McCullagh and J. Nelder, Generalized Linear Models, 2nd ed. (1989), section 4.3; J. Pratt, Concavity of the
log likelihood (1981).
"""

import math
from abc import abstractmethod

import torch
from torch import Tensor

from lightning_modules.objectives.families.two_classes import TwoClasses


class BinaryLink(TwoClasses):
    """y ∈ {0, 1}, or a share in [0, 1], with probability F(z); K = 1."""

    self_concordance = math.inf

    @abstractmethod
    def losses(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """l₁ and l₀: (n, 1) -> (n, 1), (n, 1)."""

    @abstractmethod
    def slopes(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """l₁' ≤ 0 and l₀' ≥ 0: (n, 1) -> (n, 1), (n, 1)."""

    @abstractmethod
    def second_derivatives(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """l₁'' and l₀'': (n, 1) -> (n, 1), (n, 1)."""

    def loss(self, z: Tensor, y: Tensor) -> Tensor:
        return _mixed(self.losses(z), y)[:, 0]

    def gradient(self, z: Tensor, y: Tensor) -> Tensor:
        return _mixed(self.slopes(z), y)

    def second_derivative(self, z: Tensor, y: Tensor) -> Tensor:
        return _mixed(self.second_derivatives(z), y)

    def expected_second_derivative(self, z: Tensor) -> Tensor:
        # F'²/(F (1 − F)) = (F'/F) (F'/(1 − F)) = −l₁' l₀'
        of_one, of_zero = self.slopes(z)
        return -of_one * of_zero

    def gradient_terms(self, z: Tensor, y: Tensor) -> Tensor:
        of_one, of_zero = self.slopes(z)
        # An exponential of z², or of eᶻ, is off by as many times its rounding; slopes have one sign each.
        return (1 + self.local_self_concordance(z, y)) * _mixed((-of_one, of_zero), y)


def _mixed(of_classes: tuple[Tensor, Tensor], y: Tensor) -> Tensor:
    """y a₁ + (1 − y) a₀, and no nan of what counts for nothing: (n, 1) each -> (n, 1)."""
    of_one, of_zero = of_classes
    if not y.is_floating_point():
        return torch.where(y == 1, of_one, of_zero)
    y = y.to(of_one.dtype)
    return torch.where(y > 0, y * of_one, 0.0) + torch.where(y < 1, (1 - y) * of_zero, 0.0)
