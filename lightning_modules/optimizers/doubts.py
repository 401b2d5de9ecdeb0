r"""What may be wrong with a function of which no minimum was found: it is compared with itself by differences.

    f(θ) = f(θ),      gᵀv = (f(θ + hv) − f(θ − hv)) / 2h,      Hv = (g(θ + hv) − g(θ − hv)) / 2h

along one direction v. Each of these fails of a function that draws random numbers, that hides a part of itself from torch, or
whose first derivatives cannot be differentiated.
"""

import torch
from torch import Tensor

from lightning_modules.objectives import Objective, Point

# Shares of the larger number by which slopes, and changes of slopes, may differ.
SLOPE, CURVATURE = 1e-2, 0.1


def doubts(objective: Objective, theta: Tensor) -> str | None:
    """What a function's values and derivatives around θ (p,) say of it, if they contradict each other; else None.

    Of functions alone: where there are rows, the derivatives are closed forms, or a module's.
    """
    if objective.num_rows:
        return None
    try:
        return _doubts(objective, theta)
    except (ValueError, RuntimeError, ArithmeticError, NotImplementedError):
        return None  # it has no value there, or no second derivative, and says so itself


def _doubts(objective: Objective, theta: Tensor) -> str | None:
    point = Point(objective, theta)
    if bool(Point(objective, theta).value != point.value):
        return "the function has another value each time it is evaluated: leave out what is random in it"
    # Below the smallest number with all its digits, differences say nothing.
    tiny, eps = torch.finfo(theta.dtype).tiny, torch.finfo(theta.dtype).eps
    generator = torch.Generator().manual_seed(0)
    # Each parameter moves in proportion to itself, and all lengths are in that unit, so that none hides behind the others.
    unit = torch.where(theta == 0, 1.0, theta.abs())
    v = torch.randn(len(theta), generator=generator, dtype=torch.float64).to(theta)
    v, h = unit * v / v.norm(), eps ** (1 / 3)
    ahead, behind = Point(objective, theta + h * v), Point(objective, theta - h * v)
    found, told = float(ahead.value - behind.value) / (2 * h), float(point.gradient @ v)
    noise = (100 * eps * float(torch.stack([point.value, ahead.value, behind.value]).abs().max()) + tiny) / h
    # At a minimum the slope is nothing beside how much it changes within h.
    noise += float((unit * (ahead.gradient - behind.gradient)).norm())
    if abs(found - told) > SLOPE * max(abs(found), abs(told)) + noise:
        return (
            f"the gradient is not that of the values (along one direction {told:.2g}, by differences {found:.2g}): a part of "
            "the function is detached, computed outside torch, or has a kink here"
        )
    change = unit * (ahead.gradient - behind.gradient) / (2 * h)
    product = unit * point.curvature("hessian").product(v)
    noise = (100 * eps * float((unit * ahead.gradient).norm() + (unit * behind.gradient).norm()) + tiny) / h
    if float((change - product).norm()) > CURVATURE * max(float(change.norm()), float(product.norm())) + noise:
        return (
            "the second derivatives are not those of the gradient: an operation of the function has none, or a kink here; use "
            "one that torch can differentiate twice, or GradientDescent or a method of torch.optim"
        )
    return None
