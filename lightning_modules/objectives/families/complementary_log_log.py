r"""Two classes by the complementary log–log link: P(y = 1) = 1 − e^(−t), t = eᶻ.

l₁ = −log(1 − e^(−t)) ,   l₁' = −r ,   l₁'' = r (r + t − 1) ,   r = t/(eᵗ − 1) ;      l₀ = l₀' = l₀'' = t

l₁'''/l₁'' falls from 1, where t is small, and is above −t,  so that |l'''| ≤ max(1, t) l''
"""

import torch
from torch import Tensor

from lightning_modules.objectives.families.binary_link import BinaryLink

# Below it r + t − 1, what differences leave of numbers like 1, comes from its series.
SMALL = 0.1
# Above it r is 0 in float64.
FAR = 745.0


class ComplementaryLogLog(BinaryLink):
    """P(y = 1) = 1 − e^(−eᶻ); y ∈ {0, 1}, or a share in [0, 1]; K = 1."""

    predictor = "log-hazard"

    def mean(self, z: Tensor) -> Tensor:
        return -torch.expm1(-z.exp())

    def losses(self, z: Tensor) -> tuple[Tensor, Tensor]:
        t = z.exp()
        # log(1 − e^(−t)) is z + log((1 − e^(−t))/t), whose second part is near 0 where t underflows.
        small = t.clamp(max=1.0)
        ratio = torch.where(t > 0, -torch.expm1(-small) / torch.where(t > 0, small, 1.0), 1.0)
        of_one = torch.where(t < 1, -z - ratio.log(), -torch.log1p(-torch.exp(-t.clamp(min=0.5))))
        return of_one, t

    def slopes(self, z: Tensor) -> tuple[Tensor, Tensor]:
        t = z.exp()
        return -_ratio(t), t

    def second_derivatives(self, z: Tensor) -> tuple[Tensor, Tensor]:
        t = z.exp()
        r, q = _ratio(t), t.clamp(max=SMALL).square()
        series = t / 2 + q * (1 / 12 - q * (1 / 720 - q * (1 / 30240 - q / 1209600)))
        # r is 0 where t is so large that 0 · ∞ would be no number.
        return torch.where(r > 0, r * torch.where(t < SMALL, series, r + t - 1), 0.0), t

    def recession(self, z: Tensor, y: Tensor) -> Tensor:
        up = torch.where(y < 1, torch.inf, 0.0)
        down = -y.to(z.dtype) * z  # l₁ is −z where t is small
        return torch.where(z > 0, up, torch.where(z < 0, down, 0.0)).to(z)[:, 0]

    def local_self_concordance(self, z: Tensor, y: Tensor) -> Tensor:
        # 1 of rows without a one in their target, and of those whose curvature is 0 in float64 all the way.
        is_curved = (y > 0) & ((z - 1).exp() < FAR)
        return torch.where(is_curved, (z + 1).exp(), 1.0).clamp(min=1.0)


def _ratio(t: Tensor) -> Tensor:
    """r = t/(eᵗ − 1), 1 for t = 0 and 0 far out, where eᵗ is infinite and t may be too."""
    is_usual = (t > 0) & (t < FAR)
    return torch.where(is_usual, t / torch.expm1(torch.where(is_usual, t, 1.0)), torch.where(t > 0, 0.0, 1.0))
