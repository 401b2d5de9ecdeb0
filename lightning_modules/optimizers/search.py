"""How far to go along a direction that is already chosen, and when two losses are too close to tell apart."""

import torch
from torch import Tensor

from lightning_modules.objectives import Objective


def lost_in_rounding(loss: Tensor, trial: Tensor) -> bool:
    """Whether two mean losses differ by no more than the rounding of their sums.

    Near an optimum the gain of a good step, ½ gᵀC⁻¹g, drops below the rounding of the loss itself while the gradient is
    still accurate to many digits; comparing losses there means comparing noise.
    """
    return bool((loss - trial).abs() <= 16 * torch.finfo(loss.dtype).eps * loss.abs())


def gradient_falls(objective: Objective, theta: Tensor, gradient: Tensor) -> bool:
    """What decides in place of losses that are lost in rounding: is ‖∇‖ at θ (p,) smaller than that of `gradient` g (p,)?

    The Euclidean norm, since a short enough step along −g or a damped Newton step lowers it on every convex quadratic,
    (I − t H (H + μI)⁻¹) g being a contraction of g; the sum or the maximum of the entries may rise.
    """
    return bool(objective.gradient(theta).norm() < gradient.norm())


def backtracking(
    objective: Objective, theta: Tensor, gradient: Tensor, loss: Tensor, direction: Tensor, lr: float
) -> float | None:
    """The first of lr, lr/2, lr/4, … that decreases the loss enough, or None.

    Armijo's rule  f(θ + t d) ≤ f(θ) + c t gᵀd  with c = 1e-4: Nocedal and Wright (2006), algorithm 3.1.

    Args:
        objective: the loss.
        theta: parameters (p,).
        gradient: g at θ (p,).
        loss: f(θ).
        direction: a descent direction d (p,); for any other the answer is None.
        lr: the longest step tried.
    """
    slope, t = gradient @ direction, lr
    # Short steps uphill are lost in rounding too, and the gradient may well fall along them.
    if not slope < 0:
        return None
    for _ in range(40):
        trial = theta + t * direction
        value = objective.value(trial)
        # Where the losses are lost in rounding Armijo's rule would take any step that leaves them equal: too long ones.
        lost = lost_in_rounding(loss, value)
        if gradient_falls(objective, trial, gradient) if lost else value <= loss + 1e-4 * t * slope:
            return t
        t /= 2
    return None
