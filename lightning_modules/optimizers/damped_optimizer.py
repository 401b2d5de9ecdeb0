"""What Newton's method and its diagonal relative share: d = −(C + μI)⁻¹ g with a fixed or an adaptive damping μ."""

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import Parameter

from lightning_modules.objectives import Point
from lightning_modules.optimizers.curvature_optimizer import CurvatureOptimizer
from lightning_modules.optimizers.damping import adapted, grown, initial
from lightning_modules.optimizers.method_state import MethodState
from lightning_modules.optimizers.search import gradient_falls, lost_in_rounding
from lightning_modules.optimizers.step_report import StepReport
from lightning_modules.solvers import SingularCurvatureError, Solver


@dataclass
class DampingState(MethodState):
    """What is kept of an adaptive damping.

    Attributes:
        damping: μ for the next step; None before the first.
    """

    damping: float | Tensor | None = None


class DampedOptimizer(CurvatureOptimizer):
    """θ ← θ − lr (C + μI)⁻¹ g, C the curvature of the mean loss.

    Args:
        params: the parameters, one group.
        lr: step size; 1 is the full step to the minimiser of the quadratic model.
        damping: μ ≥ 0, in units of the mean loss's curvature, or "adaptive" (see `damping.py`).
        curvature: "hessian", or "ggn" for the generalised Gauss–Newton matrix.
        search, tolerance: as in `CurvatureOptimizer`.
    """

    state_class: ClassVar[type[DampingState]] = DampingState
    # An accepted step needs a decrease; this many increases of the damping are tried to find one (4³⁰ ≈ 1e18).
    max_trials = 30

    def __init__(
        self,
        params: Iterable[Parameter],
        lr: float,
        damping: float | Literal["adaptive"],
        curvature: Literal["hessian", "ggn"],
        search: Literal["backtracking"] | None,
        tolerance: float | None,
        **defaults: object,
    ) -> None:
        name = type(self).__name__
        if damping != "adaptive" and not (isinstance(damping, (int, float)) and 0 <= damping < float("inf")):
            raise ValueError(f"{name}(damping={damping!r}): give a number ≥ 0, or 'adaptive'")
        if curvature not in ("hessian", "ggn"):
            raise ValueError(f"{name}(curvature={curvature!r}): choose 'hessian' or 'ggn'")
        if damping == "adaptive" and search is not None:
            raise ValueError(
                f"{name}(damping='adaptive', search={search!r}): both would choose the length of the step; "
                "with a search give a fixed damping, e.g. damping=0.0"
            )
        super().__init__(params, lr=lr, search=search, tolerance=tolerance, damping=damping, curvature=curvature, **defaults)

    @abstractmethod
    def solver(self, point: Point, gradient: Tensor) -> Solver:
        """C at a point, as this method solves with it; the gradient (p,) there may say how exactly."""

    @property
    def kept(self) -> DampingState:
        return self.state_class(**self._kept)

    @property
    def damping(self) -> float | Tensor:
        """μ in force: the fixed number, or where the adaptive one stands."""
        fixed: float | str = self.param_groups[0]["damping"]
        adaptive = self.kept.damping
        return float(fixed) if fixed != "adaptive" else 0.0 if adaptive is None else adaptive

    def direction(self, point: Point, gradient: Tensor) -> Tensor:
        """−(C + μI)⁻¹ g: (p,) -> (p,).

        Raises:
            SingularCurvatureError: C + μI is not positive definite.
        """
        return -self.solver(point, gradient).solve(gradient, float(self.damping))

    def advance(self, report: StepReport, gradient: Tensor) -> StepReport:
        solver = self.solver(report.point, gradient)
        if self.param_groups[0]["damping"] == "adaptive":
            return self._adaptively(replace(report, solver=solver), solver, gradient)
        damping = float(self.damping)
        report = self.along(report, gradient, -solver.solve(gradient, damping))
        return replace(report, solver=solver, damping=damping, slope=None, newton_decrement=decrement(report.slope))

    def _adaptively(self, report: StepReport, solver: Solver, gradient: Tensor) -> StepReport:
        """With more damping after each trial that does not decrease the loss; the first that does is the step."""
        lr, point, state = self.param_groups[0]["lr"], report.point, self.kept
        # Without any curvature its place is taken by one that makes a step about as long as θ.
        unit = solver.mean() or float(gradient.norm() / point.theta.norm().clamp_min(1.0))
        damping = initial(unit, point.objective.is_convex) if state.damping is None else float(state.damping)
        self.keep(replace(state, damping=damping))
        for trials in range(self.max_trials):
            report = replace(report, damping=damping, rejected=trials)
            try:
                direction = -solver.solve(gradient, damping).to(point.theta)
            except SingularCurvatureError:
                damping = grown(damping, unit)
                continue
            step = lr * direction
            slope = gradient @ direction
            predicted = -(lr * slope + 0.5 * solver.quadratic_form(step).to(step))
            trial = point.objective.at(point.theta + step)
            gain = float((point.value - trial.value) / predicted)
            if lost_in_rounding(point.value, trial.value) and lost_in_rounding(point.value, point.value - predicted):
                # The model promises less than the loss can show, so the gradient decides; it says nothing about the damping.
                gain = 0.5 if gradient_falls(trial, gradient) else 0.0
            if gain > 0 and predicted > 0:  # false for nan
                self.keep(replace(state, damping=adapted(damping, gain, unit)))
                return replace(report, theta=trial.theta, gain_ratio=gain, step_size=lr, newton_decrement=decrement(slope))
            damping = grown(damping, unit)
        return replace(report, status="stalled", newton_decrement=0.0)


def decrement(slope: Tensor | float | None) -> Tensor:
    """λ from λ² = gᵀ(C + μI)⁻¹g = −gᵀd, that of the damped model: ()."""
    return torch.as_tensor(slope).neg().clamp(min=0).sqrt()
