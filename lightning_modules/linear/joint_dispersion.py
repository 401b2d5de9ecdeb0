r"""What is not known of α, the dispersion of counts that is estimated with their coefficients θ, and what θ has of that.

    −∂²ℓ/∂θ∂α = c = Σ_i w_i (y − μ) μ/(1 + αμ)² x̃_i
    −∂²ℓ/∂α²  = h = Σ_i w_i [Σ_{k<y} k²/(1 + αk)² − y m² + ∂²/∂α² (log(1 + αμ)/α)] ,      m = μ/(1 + αμ)

    s = h − cᵀ(nH)⁻¹c ,      Var α̂ = 1/s ,      Cov θ̂ = (nH)⁻¹ + (nH)⁻¹c cᵀ(nH)⁻¹/s

which is the inverse of the observed information of both. In a sandwich the score s_i of a row becomes
s_i − c t_i,  t_i = (∂(−ℓ_i)/∂α − cᵀ(nH)⁻¹s_i)/s. The expected information of both has no entry for θ and α together.

Source: A. Cameron and P. Trivedi, Regression Analysis of Count Data, 2nd ed. (2013), section 3.3.1.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from lightning_modules.linear.count_dispersion import LOWEST
from lightning_modules.linear.reduced_scores import reduced
from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import NegativeBinomial
from lightning_modules.objectives.linear import Predictors, Root
from lightning_modules.objectives.reduction import of_each_process

# Up to such a count sums over all smaller ones are added up, which loses nothing however small α is.
MOST_ADDED = 2**20
# Below this αμ, series of so many terms in place of differences of like numbers.
SMALL, TERMS = 0.05, 14


@dataclass(frozen=True, eq=False)
class JointDispersion:
    """The part of the information that α has.

    Attributes:
        sums: over counts, at α.
        cross: R⁻ᵀc (p,), in the units of the root of nH.
        left: s > 0.
        rows: n = Σ w.
    """

    sums: "CountSums"
    cross: Tensor
    left: float
    rows: float

    @property
    def standard_error(self) -> float:
        """Of α̂."""
        return 1 / math.sqrt(self.left)

    def without_alpha(self, scores: Tensor, z: Tensor, y: Tensor, weights: Tensor | float) -> Tensor:
        """R⁻ᵀ(s_i − c t_i) from R⁻ᵀs_i (m, p), each times a factor (m, 1) that is not in ∂ℓ/∂α yet."""
        slope = self.sums.slope(z, y) * weights
        share = (slope - (scores @ self.cross)[:, None] / self.rows) / self.left
        return scores - share * self.cross


def joint_dispersion(objective: GLMObjective, predictors: Predictors, root: Root) -> JointDispersion | None:
    """At the minimiser that predictors and the root of H are of; every process must call it.

    None where α is none that was estimated, and where it has no place for an interval: next to 0, where counts vary no more
    than Poisson's, or where it is not at a maximum.
    """
    family = objective.family
    if not isinstance(family, NegativeBinomial) or not family.is_estimated or math.log(family.dispersion) <= LOWEST + 1e-6:
        return None
    glm, reduction, rows = objective.glm, objective.rows.reduction, float(objective.rows.weight)
    most = objective.targets.max() if objective.num_rows and len(objective.targets) else objective.rows.no_rows.new_zeros(())
    sums = CountSums(family.dispersion, int(of_each_process(most.double(), reduction).max()))
    total = root.scale.new_zeros(len(root.scale) + 1)
    for x, given, z in predictors.pieces():
        y, moved, weights = glm.own_targets(given).double(), glm.moved(z, given), glm.weights_of(given)
        mean = moved.exp()
        of_alpha = weights * (y - mean) * mean / (1 + family.dispersion * mean).square()
        total[:-1] += reduced(root, of_alpha, glm.rows.extended(x)).sum(0)
        total[-1] += (weights * sums.curvature(moved, y)).sum()
    total = reduction(total)
    cross, left = total[:-1], float(total[-1] - total[:-1].square().sum() / rows)
    return JointDispersion(sums, cross, left, rows) if left > 0 else None


@dataclass(frozen=True)
class CountSums:
    """Derivatives by α of −ℓ of a row, at predictors z and counts y, (n, 1) each.

    Attributes:
        alpha: α.
        most: the greatest count.
    """

    alpha: float
    most: int

    def slope(self, z: Tensor, y: Tensor) -> Tensor:
        """∂(−ℓ)/∂α = −Σ_{k<y} k/(1 + αk) + y m + ∂/∂α (log(1 + αμ)/α)."""
        mean = z.exp()
        u = self.alpha * mean
        exact = (1 / (1 + u) - u.log1p() / u) / u
        of_mean = mean.square() * torch.where(u < SMALL, _series(u, lambda k: 1 / (k + 2) - 1), exact)
        return self._below(y, 1) * -1 + y * mean / (1 + u) + of_mean

    def curvature(self, z: Tensor, y: Tensor) -> Tensor:
        """∂²(−ℓ)/∂α²."""
        mean = z.exp()
        u = self.alpha * mean
        exact = (2 * (u.log1p() / u - 1 / (1 + u)) / u - 1 / (1 + u).square()) / u
        of_mean = mean**3 * torch.where(u < SMALL, _series(u, lambda k: k + 2 / (k + 3)), exact)
        return self._below(y, 2) - y * (mean / (1 + u)).square() + of_mean

    def _below(self, y: Tensor, power: int) -> Tensor:
        """Σ_{k<y} (k/(1 + αk))^power."""
        if self.most <= MOST_ADDED:
            return (self._added if power == 1 else self._added_squares).to(y.device)[y.long()]
        r, y = 1 / self.alpha, y.double()
        at = torch.full_like(y, r)
        first = torch.digamma(y + r) - torch.digamma(at)
        if power == 1:
            return r * (y - r * first)
        two = torch.full_like(y, 2.0)  # ψ'(x) = ζ(2, x), of which torch has more digits
        second = torch.special.zeta(two, at) - torch.special.zeta(two, y + r)
        return r**2 * (y - 2 * r * first + r**2 * second)

    @cached_property
    def _added(self) -> Tensor:
        return torch.cat([torch.zeros(1, dtype=torch.float64), self._each.cumsum(0)])

    @cached_property
    def _added_squares(self) -> Tensor:
        return torch.cat([torch.zeros(1, dtype=torch.float64), self._each.square().cumsum(0)])

    @cached_property
    def _each(self) -> Tensor:
        counts = torch.arange(self.most, dtype=torch.float64)
        return counts / (1 + self.alpha * counts)


def _series(u: Tensor, coefficient: object) -> Tensor:
    """Σ_k (−u)^k coefficient(k)."""
    total = torch.zeros_like(u)
    for k in reversed(range(TERMS)):
        total = coefficient(k) - u * total  # type: ignore[operator]
    return total
