r"""Confidence intervals by the profile of the likelihood: no parabola is assumed, so that they need not lie evenly about θ̂.

    the v with   2n (min over the other θ of f(θ | θ_j = v) − f(θ̂)) / φ  ≤  q

q the quantile of χ² of one degree of freedom, or for least squares of F of 1 and n − p: as Wald's intervals
have the normal distribution, or Student's. An α of counts that is estimated is among the other θ. Where classes are nearly
separated Wald's are far too short on one side; a profile that never rises to q leaves an interval without an end.

Source: W. Venables and B. Ripley, Modern Applied Statistics with S, 4th ed. (2002), section 7.2.
"""

import math
from collections.abc import Sequence

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
# Of the rise that an interval ends at, what may be unknown of a profile.
LOST = 1e-6
# Features are moved in a copy of up to so many numbers, half a gigabyte.
MOST_MOVED = 2**26


def profile_intervals(objective: GLMObjective, theta: Tensor, level: float = 0.95) -> Tensor:
    """Low and high ends for every coefficient, ordered as θ: (p,) -> (p, 2); infinite where there is none within 2⁸ standard
    errors, nan where the profile cannot be followed. Every process must call it; errors as in `profiles`.
    """
    return profiles(objective, theta, level)[:, :2]


def profiles(objective: GLMObjective, theta: Tensor, level: float = 0.95, places: Sequence[int] | None = None) -> Tensor:
    """Low and high ends, and the p-value of the likelihood-ratio test that it is 0, of coefficients: (q, 3).

    Args:
        objective: the loss over all rows, without penalty.
        theta: its minimiser (p,).
        level: of the intervals, in (0, 1).
        places: of the q coefficients in θ; None = all.

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
    half = half_of_covariance(objective, theta)[objective.layout.by_layout(theta.device)]
    errors = half.norm(dim=1)
    rows, factor = float(objective.rows.weight), float(dispersion(objective, theta)[0])
    noise = stats.f(1, rows - len(theta)) if isinstance(objective.family, Gaussian) else stats.chi2(1)
    rise, theta = float(noise.ppf(level)) * factor / (2 * rows), theta.double()
    least, found = _loss(objective, theta), []
    for j in range(len(theta)) if places is None else places:
        center, error = float(theta[j]), float(errors[j])
        along = half @ half[j] / errors[j].square()
        given = (objective, theta, j, least, along, rise)
        low, high = (_end(_Profile(*given), center, sign * error) for sign in (-1, 1))
        at_zero = _Profile(*given)(0.0)
        ratio = math.nan if math.isnan(at_zero) else 2 * rows * max(0.0, at_zero) / factor
        found.append([low, high, float(noise.sf(ratio))])
    return theta.new_tensor(found).reshape(-1, 3)


def intercept_profile(objective: GLMObjective, theta: Tensor, shift: Tensor, level: float) -> Tensor | None:
    """That of the intercept of features that were (d,) larger, b − Wᵀshift: (3,) as in `profiles`.

    None where a copy of the features would be large.
    """
    rows, terms = objective.rows, objective.rows.terms_of_rows
    if rows.features.numel() > MOST_MOVED:
        return None
    features, columns = rows.columns.moved(rows.features.double(), shift.to(rows.features.device))
    moved = type(objective)(
        objective.family,
        features,
        rows.targets,
        reduction=rows.reduction,
        weights=terms.weights,
        offset=terms.offset,
        columns=columns,
    )
    weights, bias = theta[:-1].double(), theta[-1:].double()
    return profiles(moved, torch.cat([weights, bias - weights @ shift.to(weights)]), level, [len(weights)])[0]


def _end(profile: "_Profile", center: float, step: float) -> float:
    """The value on one side where the profile has risen so far; nan where it cannot be followed."""
    far, inner = step * 2.0, 0.0

    def above(value: float) -> float:
        return profile(value) - profile.rise

    for _ in range(MOST_DOUBLINGS):
        if math.isnan(there := above(center + far)):
            return math.nan
        if there > 0:
            try:
                return float(brentq(above, center + inner, center + far, rtol=1e-12, xtol=1e-14 * abs(step)))
            except ValueError:  # what brentq says of nan
                return math.nan
        inner, far = far, 2 * far
    return math.copysign(math.inf, step)


class _Profile:
    """How much the loss is above its least with θ_j held at a value, at the best other θ, and α where that is estimated.

    The search for these begins where a parabola would have them: `along` says how they go with θ_j (p,). What it is compared
    with, `rise`, says how exactly it has to be known; nan where it is not.
    """

    def __init__(self, objective: GLMObjective, theta: Tensor, j: int, least: float, along: Tensor, rise: float) -> None:
        self.objective, self.theta, self.j, self.least = objective, theta.clone(), j, least
        self.along, self.rise = along, rise
        self.others = torch.cat([torch.arange(j), torch.arange(j + 1, len(theta))]).to(theta.device)

    def __call__(self, value: float) -> float:
        self.theta += self.along * (value - self.theta[self.j])
        self.theta[self.j] = value
        for _ in range(MOST_ROUNDS):
            if len(self.others):
                partial = PartialObjective(self.objective, self.theta, self.others)
                found = minimise(partial, self.theta[self.others], Newton, MOST_STEPS)
                self.theta[self.others] = found.theta
                # Where others go to infinity the loss is flat, and all the same; else nothing is known of its least value.
                if found.optimizer_status is None and not found.verdict.newton_decrement**2 <= LOST * self.rise:
                    return math.nan
            if not _has_alpha(self.objective):
                break
            alpha, before = likeliest_dispersion(self.objective, self.theta), self.objective.family.dispersion  # type: ignore[attr-defined]
            if abs(math.log(alpha / before)) <= STAYS:
                break
            self.objective = with_dispersion(self.objective, alpha)
        return _loss(self.objective, self.theta) - self.least


def _loss(objective: GLMObjective, theta: Tensor) -> float:
    """What falls as the likelihood rises; it compares different α too."""
    if not _has_alpha(objective):
        return float(objective.at(theta).value)
    likelihood = log_likelihood(objective, theta)
    assert likelihood is not None
    return -likelihood / float(objective.rows.weight)


def _has_alpha(objective: GLMObjective) -> bool:
    return isinstance(objective.family, NegativeBinomial) and objective.family.is_estimated
