"""How far to go along a direction that is already chosen, and when two losses are too close to tell apart."""

import torch
from torch import Tensor

from lightning_modules.objectives import Point


def lost_in_rounding(loss: Tensor, trial: Tensor) -> bool:
    """Whether two mean losses differ by no more than the rounding of their sums.

    Near an optimum the gain of a good step, ½ gᵀC⁻¹g, drops below the rounding of the loss itself while the gradient is
    still accurate to many digits; comparing losses there means comparing noise.
    """
    return bool((loss - trial).abs() <= 16 * torch.finfo(loss.dtype).eps * loss.abs())


def gradient_falls(trial: Point, gradient: Tensor) -> bool:
    """What decides in place of losses that are lost in rounding: is ‖∇‖ at the trial smaller than that of `gradient` (p,)?

    The Euclidean norm, since a short enough step along −g or a damped Newton step lowers it on every convex quadratic,
    (I − t H (H + μI)⁻¹) g being a contraction of g; the sum or the maximum of the entries may rise.
    """
    return bool(trial.gradient.norm() < gradient.norm())


def decreases_enough(point: Point, gradient: Tensor, trial: Point, slope: Tensor, t: float) -> bool:
    """Armijo's rule  f(θ + t d) ≤ f(θ) + c t gᵀd  with c = 1e-4: Nocedal and Wright (2006), algorithm 3.1.

    Where the losses are lost in rounding it would take any step that leaves them equal, too long ones; there the gradient
    decides.

    Args:
        point: θ.
        gradient: g (p,) there.
        trial: θ + t d.
        slope: gᵀd, negative.
        t: > 0.
    """
    if lost_in_rounding(point.value, trial.value):
        return gradient_falls(trial, gradient)
    return bool(trial.value <= point.value + 1e-4 * t * slope)


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
