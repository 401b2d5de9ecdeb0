"""What Newton's method and its diagonal relative share: a damped step, by a fixed or an adaptive damping μ.

(C + μI) d = −g  with a fixed μ,      (C + μD) d = −g  with one that adapts, D the scale of the parameters
"""

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, get_args

import torch
from torch import Tensor
from torch.nn import Parameter

from lightning_modules.objectives import Objective, Point
from lightning_modules.objectives.kind import Kind
from lightning_modules.optimizers.curvature_optimizer import CurvatureOptimizer
from lightning_modules.optimizers.damping import GainRatioDamping
from lightning_modules.optimizers.method_state import MethodState
from lightning_modules.optimizers.no_curvature import refuse_unbounded
from lightning_modules.optimizers.parameter_scale import energy, measured_scale, positive_scale, updated_scale
from lightning_modules.optimizers.step_report import StepReport
from lightning_modules.optimizers.trial import Trial
from lightning_modules.optimizers.trust_region import TrustRegion
from lightning_modules.solvers import Solver

ChosenKind = Literal["auto", "hessian", "ggn"]
# A step is taken from the first gain on; above the second, the model is right; and a correction is at most so long.
LEAST_GAIN, GOOD, MOST_BEND = 1e-4, 0.75, 0.75


@dataclass
class DampingState(MethodState):
    """What is kept of an adaptive damping.

    Attributes:
        damping: μ of the last step, or for the next where nothing else is kept; None before the first.
        radius: Δ for the next step, where there is a trust region.
        largest: D (p,) by which steps are damped and measured, see `parameter_scale.py`.
    """

    damping: float | Tensor | None = None
    radius: float | None = None
    largest: Tensor | None = None


class DampedOptimizer(CurvatureOptimizer):
    """θ ← θ − lr (C + μD)⁻¹ g, C the curvature of the mean loss.

    Args:
        params: the parameters, one group.
        lr: step size; 1 is the full step to the minimiser of the quadratic model.
        damping: μ ≥ 0 on the diagonal, in units of the mean loss's curvature, or "adaptive" (see `damping.py`,
            `trust_region.py`).
        curvature: "hessian", "ggn" for the generalised Gauss–Newton matrix, or "auto", see `kind`.
        search, tolerance: as in `CurvatureOptimizer`.
    """

    state_class: ClassVar[type[DampingState]] = DampingState
    # An accepted step needs a decrease; this many increases of the damping are tried to find one (4³⁰ ≈ 1e18).
    max_trials = 30
    # The first trial of a step, where a device has been given it to compute while the host waits.
    _foreseen: Trial | None = None

    def __init__(
        self,
        params: Iterable[Parameter],
        lr: float,
        damping: float | Literal["adaptive"],
        curvature: ChosenKind,
        search: Literal["backtracking"] | None,
        tolerance: float | None,
        **defaults: object,
    ) -> None:
        name = type(self).__name__
        if damping != "adaptive" and not (isinstance(damping, (int, float)) and 0 <= damping < float("inf")):
            raise ValueError(f"{name}(damping={damping!r}): give a number ≥ 0, or 'adaptive'")
        if curvature not in get_args(ChosenKind):
            raise ValueError(f"{name}(curvature={curvature!r}): choose 'auto', 'hessian' or 'ggn'")
        if damping == "adaptive" and search is not None:
            raise ValueError(
                f"{name}(damping='adaptive', search={search!r}): both would choose the length of the step; "
                "with a search give a fixed damping, e.g. damping=0.0"
            )
        super().__init__(params, lr=lr, search=search, tolerance=tolerance, damping=damping, curvature=curvature, **defaults)

    @abstractmethod
    def solver(self, point: Point, gradient: Tensor) -> Solver:
        """C at a point, as this method solves with it; the gradient (p,) there may say how exactly."""

    def kind(self, objective: Objective) -> Kind:
        """The curvature that steps are taken by: "auto" is the Hessian of a loss that is known to be convex, whose minimum it
        nears quadratically, and the generalised Gauss–Newton matrix, which is never indefinite, of others."""
        chosen: ChosenKind = self.param_groups[0]["curvature"]
        return ("hessian" if objective.is_convex else "ggn") if chosen == "auto" else chosen

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
        """−(C + μI)⁻¹ g, or with μD where the damping adapts: (p,) -> (p,).

        Raises:
            SingularCurvatureError: the damped C is not positive definite.
        """
        damping, scale = float(self.damping), self.kept.largest
        ridge = damping if self.param_groups[0]["damping"] != "adaptive" or scale is None else damping * scale
        return -self.solver(point, gradient).solve(gradient, ridge)

    def begin(self, objective: Objective, theta: Tensor) -> Tensor:
        """Where to begin in place of θ (p,), before anything is computed there: by default θ itself.

        Asked by who is free to choose, as `minimise` is; a Trainer begins where its model is.
        """
        return theta

    def advance(self, report: StepReport, gradient: Tensor) -> StepReport:
        solver = self.solver(report.point, gradient)
        if self.param_groups[0]["damping"] == "adaptive":
            return self._adaptively(replace(report, solver=solver), solver, gradient)
        damping = float(self.damping)
        report = self.along(report, gradient, -solver.solve(gradient, damping))
        return replace(report, solver=solver, damping=damping, slope=None, newton_decrement=decrement(report.slope))

    def _adaptively(self, report: StepReport, solver: Solver, gradient: Tensor) -> StepReport:
        """Shorter after each trial that does not decrease the loss; the first that does is the step."""
        lr, point, state = self.param_groups[0]["lr"], report.point, self.kept
        first, self._foreseen = self._foreseen, None
        diagonal = solver.diagonal()
        scale, state.largest = self._scales(point, diagonal, gradient)
        if point.objective.unit is not None:
            state.scale = state.largest
        elif self._measures_by(point) == self.kind(point.objective):
            state.scale = measured_scale(None, diagonal, point.objective)
        rule, trial = self.rule(point, solver, gradient, scale), first
        for trials in range(self.max_trials):
            trial = first if trials == 0 else None
            if trial is None and (direction := rule.direction(solver, gradient, scale)) is not None:
                trial = Trial(point, direction.to(point.theta), lr, gradient, solver, scale)
            report = replace(report, damping=rule.damping, rejected=trials)
            if trial is None:
                rule.reject(0.0, 0.5)
                continue
            if trial.is_nowhere:
                break
            if trial.gain < GOOD and isinstance(rule, TrustRegion):
                self._bend(trial, point, solver, rule.ridge, scale)
            if trial.gain > LEAST_GAIN:  # false for nan
                damping = rule.damping
                rule.accept(trial.length, trial.gain, trial.vertex)
                self._keep(state, rule)
                point.objective.hold(trial.reached)
                return replace(
                    report,
                    theta=trial.reached.theta,
                    damping=damping,
                    gain_ratio=trial.gain,
                    step_size=lr,
                    newton_decrement=decrement(trial.slope),
                )
            rule.reject(trial.length, trial.vertex)
        refuse_unbounded(trial is not None and trial.has_no_model)
        self._keep(state, rule)
        return replace(report, status="stalled", newton_decrement=0.0)

    def _scales(self, point: Point, diagonal: Tensor, gradient: Tensor) -> tuple[Tensor, Tensor]:
        """D that a step is damped by and measured in, all positive, and the largest |diag C| that it comes from: (p,), (p,)."""
        largest = updated_scale(self.kept.largest, diagonal, point.objective)
        unit = None if point.objective.is_redundant else point.objective.unit  # a network's D is a mean already
        return positive_scale(largest, point.theta, gradient, unit), largest

    def scale_at(self, point: Point) -> Tensor:
        return point.curvature(self._measures_by(point)).scale()

    def _measures_by(self, point: Point) -> Kind:
        """The curvature by whose diagonal gradients are measured; a Hessian's may be all that is left where a model is flat."""
        return "ggn" if point.objective.is_split else self.kind(point.objective)

    def rule(self, point: Point, solver: Solver, gradient: Tensor, scale: Tensor) -> GainRatioDamping | TrustRegion:
        """How far this method goes, as it stands."""
        damping = self.kept.damping
        return GainRatioDamping(None if damping is None else float(damping), point.objective.is_convex)

    def _keep(self, state: DampingState, rule: GainRatioDamping | TrustRegion) -> None:
        state.damping, state.radius = rule.damping, getattr(rule, "radius", None)
        self.keep(state)

    @staticmethod
    def _bend(trial: Trial, point: Point, solver: Solver, ridge: Tensor | float, scale: Tensor) -> None:
        """Move the trial on by −(C + μD)⁻¹ b, b what the bend of the model adds to the gradient on the way there, if it gains.

        A straight step leaves a narrow, curved valley soon; with the correction it follows the valley's bend, and may be many
        times longer. Only where the correction is smaller than the step, else the bend says nothing.

        Source: M. Transtrum and J. Sethna, Improvements to the Levenberg–Marquardt algorithm (2012), section 4; their second
        derivative along the step is here the difference that the trial has shown.
        """
        if not trial.is_finite() or (bend := point.bend(trial.reached)) is None:
            return
        step = trial.reached.theta - point.theta
        correction = -solver.solve(bend, ridge).to(step)
        # false for nan
        if 4 * energy(scale, correction) <= MOST_BEND**2 * energy(scale, step):
            trial.bend(point.objective.point(trial.reached.theta + correction))


def decrement(slope: Tensor | float | None) -> Tensor:
    """λ from λ² = gᵀ(C + μI)⁻¹g = −gᵀd, that of the damped model: ()."""
    return torch.as_tensor(slope).neg().clamp(min=0).sqrt()
