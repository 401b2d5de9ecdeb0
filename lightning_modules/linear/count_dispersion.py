r"""The dispersion α of counts with variance μ + αμ², estimated with the coefficients by maximum likelihood.

    ℓ(θ, α) = Σ_i w_i [log Γ(y + r) − log Γ(r) − log y! + r log(r/(r + μ)) + y log(μ/(r + μ))] ,   r = 1/α ,  μ = e^(z_i)

    θ ← argmax ℓ(·, α) ,   α ← argmax ℓ(θ, ·)        until α stays

Each is a problem with one answer: θ by Newton's method and certified, α as the root of a function of one number. As the
expected information has no entry for θ and α together, each round leaves a small part of the distance.

Sources: A. Cameron and P. Trivedi, Regression Analysis of Count Data, 2nd ed. (2013), section 3.3; W. Venables and B. Ripley,
Modern Applied Statistics with S, 4th ed. (2002), section 7.4.
"""

import math
from dataclasses import replace
from functools import partial

import torch
from scipy.optimize import brentq
from torch import Tensor

from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import NegativeBinomial
from lightning_modules.optimizers import Convergence, Minimum, Newton, minimise
from lightning_modules.optimizers.ending import ran_out

# log α is looked for between, and below the first counts vary no more than Poisson's; it stays if it changes by less than this.
LOWEST, HIGHEST, STAYS = math.log(1e-8), math.log(1e8), 1e-9
# It counts as the likeliest if it is no further from it than this.
SETTLED = 1e-6
MOST_ROUNDS, MOST_STEPS = 50, 100


def likeliest_dispersion(objective: GLMObjective, theta: Tensor) -> float:
    """α with the greatest likelihood at θ (p,), at least 1e-8; every process must call it, and gets the same.

    Args:
        objective: of counts.
        theta: coefficients.
    """
    slope = lambda log_alpha: _slope(objective, theta, log_alpha)  # noqa: E731
    if slope(LOWEST) <= 0:
        return math.exp(LOWEST)
    return math.exp(HIGHEST if slope(HIGHEST) >= 0 else brentq(slope, LOWEST, HIGHEST, xtol=1e-13))


def _slope(objective: GLMObjective, theta: Tensor, log_alpha: float) -> float:
    """∂ℓ/∂ log α ÷ n, with α = e^(log α): −r ∂ℓ/∂r."""
    glm, r = objective.glm, math.exp(-log_alpha)
    total = theta.new_zeros((), dtype=torch.float64)
    for _, y, z in objective.at_full_precision(theta).predictors.chunks():
        own, mean, weights = glm.own_targets(y).double(), glm.moved(z, y).exp(), glm.weights_of(y)
        rising = _digamma_difference(own, r) - (mean / r).log1p() + (mean - own) / (r + mean)
        total -= (weights * rising * r).sum()
    return float(objective.glm.mean(total))


def _digamma_difference(y: Tensor, r: float) -> Tensor:
    """ψ(y + r) − ψ(r) of counts y: where r is large, by the expansion of both, which leaves no difference of like numbers."""
    if r < 1e4:
        return torch.digamma(y + r) - torch.digamma(torch.full_like(y, r))
    # ψ(x) = log x − 1/2x − 1/12x² + …
    return torch.log1p(y / r) + y / (2 * r * (y + r)) + (1 / r**2 - 1 / (y + r).square()) / 12


def with_dispersion(objective: GLMObjective, dispersion: float) -> GLMObjective:
    """The same rows with an α that is estimated."""
    terms, rows = objective.rows.terms_of_rows, objective.rows
    return GLMObjective(
        NegativeBinomial(dispersion, is_estimated=True),
        rows.features,
        rows.targets,
        objective.l2,
        rows.reduction,
        weights=terms.weights,
        offset=terms.offset,
        intercept=rows.has_constant,
        columns=rows.columns,
    )


def minimise_with_dispersion(
    objective: GLMObjective, start: Tensor, max_steps: int | None = None, tolerance: float | None = None
) -> tuple[GLMObjective, Minimum]:
    """θ and α together, from θ (p,) and the α of the objective's family.

    Args:
        objective: of counts.
        start: θ (p,).
        max_steps: of all rounds together; None = 100 for each.
        tolerance: of θ; None = the default.

    Returns:
        The objective with the likeliest α, and where its minimum is, after all those steps; its verdict is that of θ for this
        α, see `with_likeliest`.
    """
    family = objective.family
    assert isinstance(family, NegativeBinomial)
    log_alpha, theta, steps = math.log(family.dispersion), start, 0
    method = Newton if tolerance is None else partial(Newton, tolerance=tolerance)
    objective = with_dispersion(objective, family.dispersion)
    for _ in range(MOST_ROUNDS):
        found = minimise(objective, theta, method, MOST_STEPS if max_steps is None else max_steps - steps)
        steps += found.steps
        if found.status != "converged":
            break
        theta, before = found.theta, log_alpha
        log_alpha = math.log(likeliest_dispersion(objective, theta))
        if abs(log_alpha - before) <= STAYS or steps == max_steps:
            break
        objective = with_dispersion(objective, math.exp(log_alpha))
    found = replace(found, steps=steps)
    if max_steps is not None and found.ending.status == "budget":
        found = replace(found, ending=ran_out(max_steps, "step"))
    return objective, found


def with_likeliest(verdict: Convergence, objective: GLMObjective, theta: Tensor) -> Convergence:
    """A verdict on θ (p,) for the present α, as one on both: θ at its optimum for an α that is not the likeliest is at none.

    Args:
        verdict: on θ.
        objective: of counts.
        theta: coefficients.
    """
    family = objective.family
    if verdict.status != "converged" or not isinstance(family, NegativeBinomial):
        return verdict
    likeliest = math.log(likeliest_dispersion(objective, theta))
    if abs(likeliest - math.log(family.dispersion)) > SETTLED:
        message = (
            f"ended before the optimum: the coefficients are those for α = {family.dispersion:.6g}, and the likeliest α for "
            f"them is {math.exp(likeliest):.6g}"
        )
        return replace(verdict, status="budget", message=message, distance=None)
    if likeliest <= LOWEST:
        told = "the counts vary no more than Poisson's, whose family fits them as well: α is next to 0"
        return replace(verdict, message=f"{verdict.message}; {told}")
    return verdict
