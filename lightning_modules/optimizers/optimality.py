r"""Whether a point is a minimiser to a tolerance τ, in no units but the loss's own.

    |g_j| ≤ τ √(u D_j)   for every j,       λ²/2 ≤ τ u,       λ² = gᵀH⁻¹g

u is the unit of the loss: what it would lose if a constant prediction became a perfect one, or 1 for losses that are logarithms
of probabilities; of a function of which nothing is known, θᵀDθ, what it would bend up if θ went back to 0. D = |diag C| is the
scale of the parameters. A gradient entry divided by √D_j does not depend on the unit of its parameter, and λ² is at least its
square, so the first condition, which is cheap, also spares most of the looks at the second. What rounding may leave of a
gradient, some ε √(θᵀDθ), is always small enough.

Of a function nothing else is known either, so its Newton step has to be nothing beside θ too, s = −H⁻¹g, √(sᵀDs) ≤ τ' √u.
And where squares are 0, no more need be asked.
"""

import torch
from torch import Tensor

from lightning_modules.objectives import Objective, Point
from lightning_modules.optimizers.newton_decrement import NewtonDecrement
from lightning_modules.optimizers.parameter_scale import energy

# In gradients, relative to the size of what cancels in them; of a step that is nothing beside θ, and where no step is better.
ROUNDING, SMALL_STEP, SMALL_LAST_STEP = 64.0, 1e-10, 1e-6


def default_tolerance(dtype: torch.dtype) -> float:
    """ε^⅔, ε the rounding of a floating type: 3.7e-11 for float64, 2.4e-5 for float32."""
    return torch.finfo(dtype).eps ** (2 / 3)


def scale_at(point: Point) -> Tensor:
    """D at a point (p,), of the generalised Gauss–Newton matrix where there is one."""
    return point.curvature("ggn" if point.objective.is_split else "hessian").scale().double()


def loss_unit(objective: Objective, scale: Tensor, theta: Tensor, tolerance: float, largest: float = 0.0) -> float:
    """u, at least what rounding asks for.

    Args:
        objective: the loss.
        scale: D (p,).
        theta: θ (p,).
        tolerance: τ.
        largest: the largest θᵀDθ of the steps so far, where that is known: a minimiser may be 0.
    """
    here = energy(scale, theta)
    if objective.unit is None:
        return max(here, largest)
    rounding = ROUNDING * torch.finfo(theta.dtype).eps / tolerance if tolerance else 0.0
    return max(objective.unit, rounding**2 * here)


def is_lowest(point: Point, unit: float) -> bool:
    """Whether the loss is at its infimum, to the square of rounding, as sums of squares are computed; perhaps far out only."""
    infimum = point.objective.infimum
    return infimum is not None and float(point.value) - infimum <= torch.finfo(point.theta.dtype).eps ** 2 * unit


def is_stationary(gradient: Tensor, scale: Tensor, unit: float, tolerance: float) -> bool:
    """The first condition, for a gradient g (p,) and D (p,)."""
    return bool((gradient.double().abs() <= tolerance * (unit * scale).sqrt()).all())


def is_flat(decrement: NewtonDecrement, unit: float, tolerance: float) -> bool:
    """The second condition."""
    return decrement.squared / 2 <= tolerance * unit


def is_minimal(objective: Objective, decrement: NewtonDecrement, scale: Tensor, unit: float, tolerance: float) -> bool:
    """The second condition, and the third where it is asked for."""
    is_near = objective.unit is not None or is_small(decrement.direction, scale, unit, SMALL_STEP)
    return is_near and is_flat(decrement, unit, tolerance)


def is_small(step: Tensor, scale: Tensor, unit: float, share: float) -> bool:
    """Whether √(sᵀDs) is at most such a share of √u, for a step s (p,)."""
    return energy(scale, step) <= share**2 * unit
