"""A start that nothing can be minimised from is refused, in one line with what to do."""

import torch
from torch import Tensor

from lightning_modules.objectives import Point
from lightning_modules.optimizers.non_finite_loss import NonFiniteLossError

# Of so many entries without a slope it is tried whether the value has one. The second step is an eighth of the first.
MOST_TRIED, STEP, SHORTER = 16, 1e-4, 8.0


def check_start(start: object) -> None:
    """Refuse what is no vector of finite real numbers of 32 bits or more.

    Raises:
        ValueError: what it is instead, and what to give.
    """
    if not isinstance(start, Tensor) or start.ndim != 1 or not len(start) or not start.is_floating_point():
        given = f"a tensor of shape {tuple(start.shape)} and type {start.dtype}" if isinstance(start, Tensor) else repr(start)
        raise ValueError(
            f"minimise(start) got {given}: give a vector of real numbers, torch.tensor([…], dtype=torch.float64) for example"
        )
    if torch.finfo(start.dtype).bits < 32:
        raise ValueError(
            f"minimise(start) got numbers of type {start.dtype}, too few digits for derivatives: give torch.float64, or float32"
        )
    if not bool(torch.isfinite(start).all()):
        entry = int((~torch.isfinite(start)).nonzero()[0])
        raise ValueError(f"minimise(start): entry {entry} of {len(start)} is {float(start[entry]):g}: give finite numbers")


def check_first_point(point: Point) -> None:
    """Refuse a start with a value, or a slope, that says nothing.

    Raises:
        NonFiniteLossError: the value, or an entry of the gradient, is not finite; says which part.
        ValueError: a part of the function is hidden from torch, so that the gradient is not that of the value.
    """
    objective, theta = point.objective, point.theta
    if not bool(torch.isfinite(point.value)) and (part := objective.non_finite_part(theta)) is not None:
        raise NonFiniteLossError(f"{part} at the start: choose another start, or check the data (counted from 0)")
    if not bool(torch.isfinite(point.value)):
        return  # whoever looks at every step says so
    bad = (~torch.isfinite(point.gradient)).nonzero()[:, 0].tolist()
    if bad:
        raise NonFiniteLossError(
            f"the derivative by theta[{bad[0]}] is {float(point.gradient[bad[0]]):g} at the start, where the value is finite: "
            "choose another start, away from where the function has no slope"
        )
    if objective.num_rows:
        return  # a closed form, or a model, whose derivatives are not the user's
    for j in (point.gradient == 0).nonzero()[:MOST_TRIED, 0].tolist():
        if (slope := hidden_slope(point, j)) is not None:
            raise ValueError(
                f"the value changes with theta[{j}] at the start by {slope:.3g} a unit, but its derivative there is 0: use "
                "operations of torch throughout, without .item(), .detach(), numpy or whole numbers"
            )


def hidden_slope(point: Point, j: int) -> float | None:
    """∂ value/∂θ_j by differences, where they show one; None at a flat place, a kink, or where a higher power begins."""
    size = STEP * (abs(float(point.theta[j])) or 1.0)
    here, noise = float(point.value), 1e3 * torch.finfo(point.theta.dtype).eps
    (long, bend), (short, _) = (_differences(point, j, size / shrunk) for shrunk in (1.0, SHORTER))
    is_clear = abs(short) > noise * max(1e-300, abs(here)) and abs(bend) < 0.1 * abs(long)
    # A slope shrinks with the step, a cube with its cube.
    return long / (2 * size) if is_clear and abs(long / short - SHORTER) < 0.1 * SHORTER else None


def _differences(point: Point, j: int, size: float) -> tuple[float, float]:
    """f(θ + s) − f(θ − s) and f(θ + s) − 2 f(θ) + f(θ − s); nan where the function has no value."""
    step = torch.zeros_like(point.theta)
    step[j] = size
    with torch.no_grad():
        try:
            above, below = (float(point.objective.value(point.theta + sign * step)) for sign in (1, -1))
        except (ValueError, RuntimeError, ArithmeticError):
            return float("nan"), float("nan")
    return above - below, above - 2 * float(point.value) + below
