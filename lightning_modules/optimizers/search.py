"""How far to go along a direction that is already chosen, and how much a step decreases a loss that rounding blurs."""

from typing import SupportsFloat

import torch
from torch import Tensor

from lightning_modules.devices import asked, is_asynchronous
from lightning_modules.objectives import Point

# A step that moves θ by less than this share may be one whose decrease is below the rounding of the loss.
SHORT = 1e-4
# Evaluations of the loss next to a point, by which its rounding is measured.
PROBES = 4


class Decrease:
    """f(θ) − f(θ + s), as far as it can be told.

    Near an optimum the gain of a good step, ½ gᵀC⁻¹g, drops below the rounding of the loss itself while the gradient is still
    accurate to many digits. There the gradients at both ends tell it, by the trapezoidal rule −½ (g + g⁺)ᵀs, which is exact
    for a quadratic. Hager and Zhang (2005), section 2, decide so too; but how large the rounding is, is measured here,
    because terms may cancel in a loss.

    What it takes is asked for at once, so that of a device it is read together.

    Args:
        point: θ.
        trial: θ + s.
        gradient: g (p,) at θ.
    """

    def __init__(self, point: Point, trial: Point, gradient: Tensor) -> None:
        self._point, self._trial, self._gradient = point, trial, gradient
        self._step = trial.theta - point.theta
        by_values = point.value - trial.value
        self._by_values = asked(by_values)
        self._is_lost = asked(by_values.abs() <= 16 * torch.finfo(self._step.dtype).eps * point.value.abs())
        self._is_short = asked((gradient * self._step).abs().sum() <= SHORT * (gradient * point.theta).abs().sum())
        self._foreseen = None
        if is_asynchronous(self._step):
            # A device computes the gradient there, which the next step needs, before it is known whether it matters here; and
            # whether it is finite, which the next step asks first.
            self._foreseen = asked(self._by_trapezium())
            trial.total  # noqa: B018

    def _by_trapezium(self) -> Tensor:
        return -0.5 * ((self._gradient + self._trial.gradient) @ self._step)

    def __float__(self) -> float:
        by_values = float(self._by_values)
        is_lost = bool(self._is_lost)
        if not is_lost and not self._is_short:
            return by_values
        by_gradients = float(self._by_trapezium() if self._foreseen is None else self._foreseen)
        if not is_lost:
            # Where both say much the same there is nothing to decide.
            is_told = abs(by_values - by_gradients) <= 0.5 * abs(by_gradients)
            is_lost = not is_told and abs(by_values) <= 4 * float(rounding(self._point, self._step))
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


def decreases_enough(decrease: SupportsFloat, slope: SupportsFloat, t: float) -> bool:
    """Armijo's rule  f(θ + t d) ≤ f(θ) + c t gᵀd  with c = 1e-4: Nocedal and Wright (2006), algorithm 3.1.

    Args:
        decrease: f(θ) − f(θ + t d).
        slope: gᵀd, negative.
        t: > 0.
    """
    return float(decrease) >= -1e-4 * t * float(slope)


def backtracking(point: Point, gradient: Tensor, direction: Tensor, slope: Tensor, lr: float) -> tuple[float, Point] | None:
    """The first t of lr, lr/2, lr/4, … that decreases the loss enough, and the point θ + t d; or None.

    Args:
        point: θ.
        gradient: g (p,) there.
        direction: a descent direction d (p,); for any other the answer is None.
        slope: gᵀd.
        lr: the longest step tried.
    """
    # Short steps uphill are lost in rounding too, and the gradient may well fall along them.
    t, descent = lr, asked(slope)
    for _ in range(40):
        trial = point.objective.point(point.theta + t * direction)
        decrease = Decrease(point, trial, gradient)
        if not float(descent) < 0:
            return None
        if decreases_enough(decrease, descent, t):
            point.objective.hold(trial)
            return t, trial
        t /= 2
    return None
