r"""Confidence intervals by the profile of the likelihood: no parabola is assumed, so that they need not lie evenly about θ̂.

    the v with   2n (min over the other θ of f(θ | θ_j = v) − f(θ̂)) / φ  ≤  q

q the quantile of χ² of one degree of freedom, or for least squares of F of 1 and n − p: as Wald's intervals
have the normal distribution, or Student's. An α of counts that is estimated is among the other θ. Where classes are nearly
separated Wald's are far too short on one side; a profile that never rises to q leaves an interval without an end.

Source: W. Venables and B. Ripley, Modern Applied Statistics with S, 4th ed. (2002), section 7.2.
"""

import math

import torch
from scipy import stats
from scipy.optimize import brentq
from torch import Tensor

from lightning_modules.linear.count_dispersion import MOST_ROUNDS, STAYS, likeliest_dispersion, with_dispersion
from lightning_modules.linear.covariance import half_of_covariance
from lightning_modules.linear.dispersion import dispersion
from lightning_modules.linear.fit_statistics import log_likelihood
from lightning_modules.objectives import GLMObjective, PartialObjective
from lightning_modules.objectives.families import Gaussian, NegativeBinomial
from lightning_modules.optimizers import Newton, minimise

MOST_STEPS, MOST_DOUBLINGS = 100, 8


def profile_intervals(objective: GLMObjective, theta: Tensor, level: float = 0.95) -> Tensor:
    """Low and high ends for every coefficient, ordered as θ: (p,) -> (p, 2); infinite where there is none within 2⁸ standard
    errors. Every process must call it.

    Args:
        objective: the loss over all rows, without penalty.
        theta: its minimiser (p,).
        level: of the intervals, in (0, 1).

    Raises:
        ValueError: there is a penalty; a level out of its range; several outputs, whose coefficients may be determined only up
            to a common shift; as `half_of_covariance`.
    """
    if objective.l2 > 0:
        raise ValueError(f"with a penalty, l2={objective.l2:g}, a profile is none of a likelihood: fit with l2=0 for intervals")
    if not 0 < level < 1:
        raise ValueError(f"level={level}: the level of a confidence interval lies in (0, 1), 0.95 for example")
    if objective.family.num_outputs > 1:
        raise ValueError("profile intervals are of models with one output: use coefficients() for several")
    errors = half_of_covariance(objective, theta).norm(dim=1)[objective.layout.by_layout(theta.device)]
    rows, factor = float(objective.rows.weight), float(dispersion(objective, theta)[0])
    noise = stats.f(1, rows - len(theta)) if isinstance(objective.family, Gaussian) else stats.chi2(1)
    rise = float(noise.ppf(level)) * factor / (2 * rows)
    theta = theta.double()
    ends = [[_end(objective, theta, j, sign * float(errors[j]), rise) for sign in (-1, 1)] for j in range(len(theta))]
    return theta.new_tensor(ends)


def _end(objective: GLMObjective, theta: Tensor, j: int, step: float, rise: float) -> float:
    """The value of θ_j on one side where the profile has risen so far."""
    least, center, profile = _loss(objective, theta), float(theta[j]), _Profile(objective, theta, j)

    def above(value: float) -> float:
        return profile(value) - least - rise

    far, inner = step * 2.0, 0.0
    for _ in range(MOST_DOUBLINGS):
        if above(center + far) > 0:
            return float(brentq(above, center + inner, center + far, rtol=1e-12, xtol=1e-14 * abs(step)))
        inner, far = far, 2 * far
    return math.copysign(math.inf, step)


class _Profile:
    """The least loss with θ_j held at a value, over the other θ, and over an α that is estimated."""

    def __init__(self, objective: GLMObjective, theta: Tensor, j: int) -> None:
        self.objective, self.theta, self.j = objective, theta.clone(), j
        self.others = torch.cat([torch.arange(j), torch.arange(j + 1, len(theta))]).to(theta.device)

    def __call__(self, value: float) -> float:
        self.theta[self.j] = value
        for _ in range(MOST_ROUNDS):
            if len(self.others):
                partial = PartialObjective(self.objective, self.theta, self.others)
                self.theta[self.others] = minimise(partial, self.theta[self.others], Newton, MOST_STEPS).theta
            if not _has_alpha(self.objective):
                break
            alpha, before = likeliest_dispersion(self.objective, self.theta), self.objective.family.dispersion  # type: ignore[attr-defined]
            if abs(math.log(alpha / before)) <= STAYS:
                break
            self.objective = with_dispersion(self.objective, alpha)
        return _loss(self.objective, self.theta)


def _loss(objective: GLMObjective, theta: Tensor) -> float:
    """What falls as the likelihood rises; it compares different α too."""
    if not _has_alpha(objective):
        return float(objective.at(theta).value)
    likelihood = log_likelihood(objective, theta)
    assert likelihood is not None
    return -likelihood / float(objective.rows.weight)


def _has_alpha(objective: GLMObjective) -> bool:
    return isinstance(objective.family, NegativeBinomial) and objective.family.is_estimated
