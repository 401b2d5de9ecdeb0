"""How far to go along a direction that is already chosen, and how much a step decreases a loss that rounding blurs."""

import torch
from torch import Tensor

from lightning_modules.objectives import Point

# A step that moves θ by less than this share may be one whose decrease is below the rounding of the loss.
SHORT = 1e-4
# Evaluations of the loss next to a point, by which its rounding is measured.
PROBES = 4


def decrease(point: Point, trial: Point, gradient: Tensor) -> Tensor:
    """f(θ) − f(θ + s) (), as far as it can be told.

    Near an optimum the gain of a good step, ½ gᵀC⁻¹g, drops below the rounding of the loss itself while the gradient is still
    accurate to many digits. There the gradients at both ends tell it, by the trapezoidal rule −½ (g + g⁺)ᵀs, which is exact
    for a quadratic. Hager and Zhang (2005), section 2, decide so too; but how large the rounding is, is measured here,
    because terms may cancel in a loss.

    Args:
        point: θ.
        trial: θ + s.
        gradient: g (p,) at θ.
    """
    by_values = point.value - trial.value
    step = trial.theta - point.theta
    is_lost = bool(by_values.abs() <= 16 * torch.finfo(step.dtype).eps * point.value.abs())
    is_short = bool((gradient * step).abs().sum() <= SHORT * (gradient * point.theta).abs().sum())
    if not is_lost and not is_short:
        return by_values
    by_gradients = -0.5 * ((gradient + trial.gradient) @ step)
    if not is_lost:
        # Where both say much the same there is nothing to decide.
        is_told = bool((by_values - by_gradients).abs() <= 0.5 * by_gradients.abs())
        is_lost = not is_told and bool(by_values.abs() <= 4 * rounding(point, step))
    return by_gradients if is_lost else by_values


def rounding(point: Point, step: Tensor) -> Tensor:
    """How much the computed loss errs at a point (): by what it jumps between neighbours, beyond what the gradient says.

    Args:
        point: θ.
        step: (p,), of which a thousandth is not much farther than a neighbour: a loss of θ near 0 rounds as if θ were longer.
    """
    # Far enough for every term to round anew, near enough for the curvature not to show.
    theta, share = point.theta, torch.finfo(point.theta.dtype).eps ** 0.6
    size, generator = share * theta.abs() + 1e-3 * step.abs(), torch.Generator().manual_seed(0)
    largest = torch.zeros_like(point.value)
    for _ in range(PROBES):
        signs = 2 * torch.randint(2, theta.shape, generator=generator).to(theta) - 1
        neighbour = point.objective.point(theta + signs * size)
        error = neighbour.value - point.value - point.gradient @ (neighbour.theta - theta)
        largest = torch.maximum(largest, error.abs())
    return largest


def decreases_enough(point: Point, gradient: Tensor, trial: Point, slope: Tensor, t: float) -> bool:
    """Armijo's rule  f(θ + t d) ≤ f(θ) + c t gᵀd  with c = 1e-4: Nocedal and Wright (2006), algorithm 3.1.

    Args:
        point: θ.
        gradient: g (p,) there.
        trial: θ + t d.
        slope: gᵀd, negative.
        t: > 0.
    """
    return bool(decrease(point, trial, gradient) >= -1e-4 * t * slope)


def backtracking(point: Point, gradient: Tensor, direction: Tensor, slope: Tensor, lr: float) -> float | None:
    """The first of lr, lr/2, lr/4, … that decreases the loss enough, or None.

    Args:
        point: θ.
        gradient: g (p,) there.
        direction: a descent direction d (p,); for any other the answer is None.
        slope: gᵀd.
        lr: the longest step tried.
    """
    # Short steps uphill are lost in rounding too, and the gradient may well fall along them.
    if not slope < 0:
        return None
    t = lr
    for _ in range(40):
        trial = point.objective.at(point.theta + t * direction)
        if decreases_enough(point, gradient, trial, slope, t):
            return t
        t /= 2
    return None
