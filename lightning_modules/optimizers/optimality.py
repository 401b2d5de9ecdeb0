r"""Whether a point is a minimiser to a tolerance τ, in no units but the loss's own.

    |g_j| ≤ τ √(u D_j)   for every j,       λ²/2 ≤ τ u,       λ² = gᵀH⁻¹g

u is the unit of the loss: what it would lose if a constant prediction became a perfect one, or 1 for losses that are logarithms
of probabilities; of a function of which nothing is known, θᵀDθ, what it would bend up if θ went back to 0. D = |diag C| is the
scale of the parameters. A gradient entry divided by √D_j does not depend on the unit of its parameter, and λ² is at least its
square, so the first condition, which is cheap, also spares most of the looks at the second. What rounding may leave of a
gradient, some ε √(θᵀDθ), is always small enough.

Of a function nothing else is known either, so its Newton step s = −H⁻¹g has to be nothing beside θ too, √(sᵀDs) ≤ τ' √u, and to
leave next to nothing of the gradient, as it does near a minimum. And where squares are 0, no more need be asked. All of it is
judged at the point alone: how large a loss has been at the start says nothing of what is small at the end.
"""

import torch
from torch import Tensor

from lightning_modules.devices import asked
from lightning_modules.objectives import Objective, Point
from lightning_modules.optimizers.newton_decrement import DENSE_PARAMETERS, NewtonDecrement, newton_decrement
from lightning_modules.optimizers.parameter_scale import bend_to, energy

# In gradients, relative to the size of what cancels in them; of a step that is nothing beside θ, and where no step is better.
ROUNDING, SMALL_STEP, SMALL_LAST_STEP = 64.0, 1e-10, 1e-6
# What is left of the gradient after a Newton step near a minimum, at most: beside a barrier or an inflection it is more.
FALL = 0.1
# A parameter far below its largest value, from where a step leads to nothing of itself, goes to 0.
SHRUNK, NOTHING = 1e-3, 1e-6


def default_tolerance(dtype: torch.dtype) -> float:
    """ε^⅔, ε the rounding of a floating type: 3.7e-11 for float64, 2.4e-5 for float32."""
    return torch.finfo(dtype).eps ** (2 / 3)


def scale_at(point: Point) -> Tensor:
    """D at a point (p,), of the generalised Gauss–Newton matrix where there is one."""
    return point.curvature("ggn" if point.objective.is_split else "hessian").scale().double()


def loss_unit(objective: Objective, scale: Tensor, theta: Tensor, tolerance: float) -> float:
    """u, at least what rounding asks for.

    Args:
        objective: the loss.
        scale: D (p,).
        theta: θ (p,), or of a function `sizes`.
        tolerance: τ.
    """
    return float(asked(_loss_unit(objective, scale, theta, tolerance)))


def _loss_unit(objective: Objective, scale: Tensor, theta: Tensor, tolerance: float) -> Tensor:
    here = bend_to(scale, theta)
    if objective.unit is None:
        return here
    rounding = ROUNDING * torch.finfo(theta.dtype).eps / tolerance if tolerance else 0.0
    return (rounding**2 * here).clamp_min(objective.unit)


def sizes(point: Point, largest: Tensor | None) -> Tensor:
    """|θ| (p,), or of a parameter that goes to 0 the largest |θ_j| that was met: beside 0 nothing is small.

    It goes to 0 where Newton's step, from far below the largest, ends at nothing of where it begins.

    Args:
        point: θ, of a function.
        largest: the largest |θ_j| of the steps so far (p,); None where they are not known.
    """
    size = point.theta.abs()
    if largest is None or len(size) > DENSE_PARAMETERS or not bool((shrunk := (size > 0) & (size < SHRUNK * largest)).any()):
        return size
    ends = (point.theta + newton_decrement(point, point.gradient).direction).abs()
    return torch.where(shrunk & (ends <= NOTHING * size), largest.to(size), size)


def is_lowest(point: Point, unit: float) -> bool:
    """Whether the loss is at its infimum, to the square of rounding, as sums of squares are computed.

    In the unit of the loss itself, where it has one: what rounding adds to that is in proportion to huge features.
    """
    own = point.objective.unit
    infimum, allowed = point.objective.infimum, torch.finfo(point.theta.dtype).eps ** 2 * (unit if own is None else own)
    # Where even that is 0, numbers have run out on the way to an infimum at infinity.
    return infimum is not None and allowed > 0 and float(point.value) - infimum <= allowed


def is_stationary(gradient: Tensor, scale: Tensor, unit: float, tolerance: float) -> bool:
    """The first condition, for a gradient g (p,) and D (p,)."""
    return bool(_is_stationary(gradient, scale, unit, tolerance))


class Stationarity:
    """`loss_unit` at θ (p,) and `is_stationary` in it, which of a device are read together, and not before they are needed."""

    def __init__(self, objective: Objective, gradient: Tensor, scale: Tensor, theta: Tensor, tolerance: float) -> None:
        unit = _loss_unit(objective, scale, theta, tolerance)
        self._unit, self._holds = asked(unit), asked(_is_stationary(gradient, scale, unit, tolerance))

    @property
    def unit(self) -> float:
        """u."""
        return float(self._unit)

    def __bool__(self) -> bool:
        return bool(self._holds)


def _is_stationary(gradient: Tensor, scale: Tensor, unit: Tensor | float, tolerance: float) -> Tensor:
    return (gradient.double().abs() <= tolerance * (unit * scale).sqrt()).all()


def is_flat(decrement: NewtonDecrement, unit: float, tolerance: float) -> bool:
    """The second condition."""
    return decrement.squared / 2 <= tolerance * unit


def is_minimal(point: Point, decrement: NewtonDecrement, scale: Tensor, unit: float, tolerance: float) -> bool:
    """The second condition, and the others where they are asked for."""
    if has_run_out(point, decrement) or not is_flat(decrement, unit, tolerance):
        return False
    if point.objective.unit is not None:
        return True
    return is_small(decrement.direction, scale, unit, SMALL_STEP) and _is_confirmed(point, decrement, scale)


def has_run_out(point: Point, decrement: NewtonDecrement) -> bool:
    """Whether numbers have run out: the squared decrement is below the smallest one that has all its digits."""
    return decrement.squared < torch.finfo(torch.float64).tiny and bool(point.gradient.any())


def _is_confirmed(point: Point, decrement: NewtonDecrement, scale: Tensor) -> bool:
    """Whether Newton's step does what it does near a minimum: the gradient is all but gone, if rounding lets that be seen."""
    eps = torch.finfo(point.theta.dtype).eps
    is_lost = decrement.squared / 2 <= 16 * eps * abs(float(point.value))
    if is_lost or is_stationary(point.gradient, scale, energy(scale, point.theta), ROUNDING * eps):
        return True
    there = point.objective.point(point.theta + decrement.direction).gradient
    inverse = torch.where(scale > 0, 1 / scale, 0.0)
    return energy(inverse, there) <= FALL**2 * energy(inverse, point.gradient)


def is_small(step: Tensor, scale: Tensor, unit: float, share: float) -> bool:
    """Whether √(sᵀDs) is at most such a share of √u, for a step s (p,)."""
    return energy(scale, step) <= share**2 * unit
