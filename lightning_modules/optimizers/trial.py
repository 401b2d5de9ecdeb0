"""A step that is tried, and what it is judged by."""

import math

import torch
from torch import Tensor

from lightning_modules.devices import asked
from lightning_modules.objectives import Point
from lightning_modules.optimizers.search import Decrease
from lightning_modules.solvers import Solver


class Trial:
    """θ + s, s = lr d, with the numbers that decide whether the step is taken.

    They are asked for at once and read when the first of them is needed, so that a device computes the whole trial before the
    host waits for it.

    Args:
        point: θ.
        direction: d (p,).
        lr: the share of it that is tried.
        gradient: g (p,) at θ.
        solver: the curvature C of the quadratic model.
        scale: D (p,), in which a step has a length.

    Attributes:
        reached: the point θ + s, which is another where the step was bent.
        slope: gᵀd ().
    """

    def __init__(self, point: Point, direction: Tensor, lr: float, gradient: Tensor, solver: Solver, scale: Tensor) -> None:
        self._point, self._gradient = point, gradient
        step = lr * direction
        self.slope = gradient @ direction
        first_order = lr * self.slope
        self._first_order = asked(first_order)
        self._predicted = asked(-(first_order + 0.5 * solver.quadratic_form(step).to(step)))
        self._length = asked((scale * step.double().square()).sum().sqrt())
        self.reached = point.objective.point(point.theta + step)
        self._is_nowhere = asked((self.reached.theta == point.theta).all())
        self._gain: float | None = None
        self._decrease = Decrease(point, self.reached, gradient)

    @property
    def is_nowhere(self) -> bool:
        """Whether the step is too short to be seen in θ."""
        return bool(self._is_nowhere)

    @property
    def length(self) -> float:
        """‖s‖_D."""
        return float(self._length)

    @property
    def gain(self) -> float:
        """ρ, actual over predicted decrease; nan where the loss there is not a number, or nothing was promised."""
        if self._gain is None:
            self._gain = self._gain_of(self._decrease)
        return self._gain

    def _gain_of(self, decrease: Decrease) -> float:
        predicted = float(self._predicted)
        return float(decrease) / predicted if predicted > 0 else float("nan")

    @property
    def vertex(self) -> float:
        """Where the parabola along the step that has the slope at its start and falls as the loss did has its vertex, in steps;
        0 if that is not known."""
        slope, fall = float(self._first_order), self.gain * float(self._predicted)
        bend = -slope - fall
        return -slope / (2 * bend) if bend > 0 else 0.0

    @property
    def has_no_model(self) -> bool:
        """Whether the curvature along the step is not a number."""
        return math.isnan(float(self._predicted))

    def bend(self, bent: Point) -> None:
        """Go to another point in its place, if more is gained there."""
        gain = self._gain_of(Decrease(self._point, bent, self._gradient))
        if gain > self.gain:
            self.reached, self._gain = bent, gain

    def is_finite(self) -> bool:
        """Whether the loss has a value there."""
        return bool(torch.isfinite(self.reached.value))
