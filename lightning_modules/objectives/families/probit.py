r"""Two classes by the probit link: P(y = 1) = Φ(z).

l₁ = −log Φ(z) ,   l₁' = −h(z) ,   l₁'' = h (h + z) ,      h = φ/Φ = √(2/π) / erfcx(−z/√2)

l₁'''/l₁'' = 1/(h + z) − (2h + z)    falls from 0 far below 0 to −z far above, never below −½ − max(z, 0)
"""

import math

import torch
from torch import Tensor

from lightning_modules.objectives.families.binary_link import BinaryLink

# Below it h + z, the difference of two numbers like it, comes from its series.
FAR = -40.0


class Probit(BinaryLink):
    """P(y = 1) = Φ(z); y ∈ {0, 1}, or a share in [0, 1]; K = 1."""

    predictor = "probits"

    def mean(self, z: Tensor) -> Tensor:
        return torch.special.ndtr(z)

    def losses(self, z: Tensor) -> tuple[Tensor, Tensor]:
        return _loss(z), _loss(-z)

    def slopes(self, z: Tensor) -> tuple[Tensor, Tensor]:
        return -_hazard(z), _hazard(-z)

    def second_derivatives(self, z: Tensor) -> tuple[Tensor, Tensor]:
        return _curvature(z), _curvature(-z)

    def recession(self, z: Tensor, y: Tensor) -> Tensor:
        # Of what is on the wrong side the loss is a parabola.
        is_raised = ((y < 1) & (z > 0)) | ((y > 0) & (z < 0))
        return torch.where(is_raised, torch.inf, 0.0).to(z)[:, 0]

    def local_self_concordance(self, z: Tensor, y: Tensor) -> Tensor:
        return z.abs() + 1.5


def _loss(z: Tensor) -> Tensor:
    """−log Φ(z), by a function that is not near 1 where z is below 0: e^(−z²/2) erfcx(−z/√2) / 2."""
    below, above = z.clamp(max=0.0), z.clamp(min=0.0)
    of_below = below.square() / 2 - (torch.special.erfcx(-below / math.sqrt(2)) / 2).log()
    return torch.where(z < 0, of_below, -torch.log1p(-torch.special.erfc(above / math.sqrt(2)) / 2))


def _hazard(z: Tensor) -> Tensor:
    """h = φ/Φ."""
    return math.sqrt(2 / math.pi) / torch.special.erfcx(-z / math.sqrt(2))


def _curvature(z: Tensor) -> Tensor:
    """h (h + z)."""
    h = _hazard(z)
    # h + z = 1/t − 2/t³ + 10/t⁵ − 74/t⁷ + 706/t⁹ − … with t = −z: below rounding after five terms.
    q = 1 / z.clamp(max=FAR).square()
    series = -(1 - q * (2 - q * (10 - q * (74 - q * (706 - q * 8162))))) / z.clamp(max=FAR)
    return h * torch.where(z < FAR, series, h + z)
