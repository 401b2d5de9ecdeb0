r"""Newton's method for tall tables: the gradient of all rows, the curvature of some.

A Hessian over n rows costs some d gradients, and rows say much the same about it: over every k-th row it is off by a
relative √(kp/n). So

    first step   to the minimiser over every 64th row, by Newton's method, and from there one step over every 8th
    C            the Hessian over every 8th, there
    then         θ ← θ − B⁻¹ ∇f(θ),     B = C, corrected by BFGS to agree with the gradients met since

and each step after the first costs one gradient. It is Newton's method only nearly: instead of doubling, the digits grow by
about log₁₀ √(n/kp) a step. What it ends at is the same, since gradient and verdict are those of all rows.

Where a step does not lower the loss enough, or the gradient falls slowly, C is formed anew over four times the rows: in the
end over all of them, which is Newton's method itself, so that what is proved of it holds.

Sources: R. Byrd, G. Chin, W. Neveitt and J. Nocedal, On the use of stochastic Hessian information in optimization methods
for machine learning (2011); F. Roosta-Khorasani and M. Mahoney, Sub-sampled Newton methods (2019).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from torch import Tensor

from lightning_modules.devices import asked
from lightning_modules.objectives import Objective, Point
from lightning_modules.optimizers import secant_pairs
from lightning_modules.optimizers.damped_optimizer import DampingState, decrement
from lightning_modules.optimizers.damping import grown
from lightning_modules.optimizers.newton_decrement import newton_decrement
from lightning_modules.optimizers.parameter_scale import positive_scale
from lightning_modules.optimizers.search import Decrease, decreases_enough
from lightning_modules.optimizers.step_report import StepReport
from lightning_modules.solvers import Cholesky, DenseSolver, SingularCurvatureError

# The first step goes to the minimiser over every 64th row; the curvature is renewed over four times as many rows as before.
FIRST_INTERVAL, COARSE_INTERVAL, RENEWAL = 64, 512, 4
# Fewer rows than so many for each parameter say too little of them.
ROWS_PER_PARAMETER = 8
# A step that leaves more of the gradient asks for a better curvature.
SLOW = 0.8

# Minimises an objective over few rows from a start (p,), as far as they can tell.
Minimise = Callable[[Objective, Tensor], Tensor]


@dataclass
class SampledState(DampingState):
    """What is kept of the curvature of some rows.

    Attributes:
        row_interval: k, every k-th row gives the curvature; 0 before the first step, 1 where all rows do.
        factor, inverse_roots: of C + μD, see `Cholesky`; None where C is still to be formed.
        pairs: steps and the changes of the gradient along them, by which C is corrected.
    """

    row_interval: int = 0
    factor: Tensor | None = None
    inverse_roots: Tensor | None = None
    pairs: list[tuple[Tensor, Tensor]] = field(default_factory=list)


def smallest_sample(objective: Objective) -> int:
    """k, such that every k-th row is still enough for a curvature; 1 if all rows are needed."""
    return max(1, int(objective.rows_per_parameter / ROWS_PER_PARAMETER))


class SampledSteps:
    """Steps with the curvature of some rows.

    Args:
        state: what the last step left, its `row_interval` > 1.
        minimise: for the first step.
    """

    def __init__(self, state: SampledState, minimise: Minimise) -> None:
        self.state, self.minimise = state, minimise

    def advance(self, report: StepReport, gradient: Tensor) -> StepReport | None:
        """The report of the step, with where it leads; None if only the curvature of all rows can tell."""
        point = report.point
        if self.state.factor is None:
            trial = self._first_step(point)
            if trial is not None:
                return self._report(report, trial, gradient @ (trial.theta - point.theta))
        while self.state.row_interval > 1:
            roots = self.state.inverse_roots
            assert roots is not None
            step = -secant_pairs.solve(self.state.pairs, self._solve, gradient)
            slope = gradient @ step
            trial = point.objective.point(point.theta + step)
            # What decides is asked for at once, so that of a device it is read together.
            descent, decrease = asked(slope), Decrease(point, trial, gradient)
            change = trial.gradient - point.gradient
            is_told = asked(secant_pairs.is_told(step, change, roots))
            # In the scale of C gradients have no units but the loss's.
            is_slow = asked((roots * trial.gradient).norm() > SLOW * (roots * gradient).norm())
            if float(descent) < 0 and decreases_enough(decrease, descent, 1.0):
                if is_told:
                    self.state.pairs.append((step, change))
                if is_slow:
                    self._renew(trial)
                return self._report(report, trial, slope)
            self._renew(point)
        return None

    def _report(self, report: StepReport, trial: Point, slope: Tensor) -> StepReport:
        state = self.state
        trial.objective.hold(trial)
        return replace(
            report,
            theta=trial.theta,
            step_size=1.0,
            damping=state.damping,
            newton_decrement=decrement(slope),
            row_interval=state.row_interval,
        )

    def begin(self, objective: Objective, theta: Tensor) -> Tensor | None:
        """The minimiser over few rows (p,), if few tell enough and it is lower than θ (p,) over more; C is formed there."""
        sample = _every_kth(objective, self.state.row_interval)
        near = self._near(objective, theta, sample)
        if near is None or not asked(near.value < sample.point(theta).value):
            return None
        self._factorise(near)
        return near.theta

    def _first_step(self, point: Point) -> Point | None:
        """The same, if it is lower over all rows; else C is formed at the point."""
        objective = point.objective
        sample = _every_kth(objective, self.state.row_interval)
        near = self._near(objective, point.theta, sample)
        if near is not None:
            trial = objective.point(near.theta)
            if trial.value < point.value:
                self._factorise(near)
                return trial
        self._factorise(sample.point(point.theta))
        return None

    def _near(self, objective: Objective, theta: Tensor, sample: Objective) -> Point | None:
        """The minimiser over every 64th row, from θ (p,), and one step on towards that over a larger sample, as a point of that
        one; None of few rows."""
        if not smallest_sample(objective) >= FIRST_INTERVAL > self.state.row_interval:
            return None
        if smallest_sample(objective) >= COARSE_INTERVAL:
            theta = self.minimise(_every_kth(objective, COARSE_INTERVAL), theta)
        few = _every_kth(objective, FIRST_INTERVAL)
        return self._refined(self.minimise(few, theta), few, sample)

    def _refined(self, theta: Tensor, few: Objective, more: Objective) -> Point:
        """One step from the minimiser (p,) over few rows towards that over more, if it leads there."""
        start = more.point(theta)
        self._factorise(few.point(theta))
        refined = more.point(theta - self._solve(start.gradient))
        return refined if refined.value < start.value else start

    def _renew(self, point: Point) -> None:
        """Form C at a point over more rows than before, and forget what corrected the last one."""
        self.state.row_interval = max(1, self.state.row_interval // RENEWAL)
        self.state.pairs, self.state.factor, self.state.inverse_roots = [], None, None
        if self.state.row_interval > 1:
            self._factorise(sampled(point, self.state.row_interval))
        else:
            self.state.damping = None  # Newton's method begins with none

    def _factorise(self, point: Point) -> None:
        """C + μD, μ the least of 0 and a growing sequence for which it is positive definite."""
        matrix, invariant = point.curvature("hessian").matrix(), point.objective.invariant_directions(point.theta)
        solver, damping = DenseSolver(matrix, invariant), 0.0
        scale = positive_scale(solver.diagonal(), point.theta, point.gradient)
        while True:
            try:
                self.state.factor, self.state.inverse_roots = solver.factorised(damping * scale if damping else 0.0)
                break
            except SingularCurvatureError:
                damping = grown(damping)
                if not math.isfinite(damping):
                    raise
        self.state.damping = damping

    def _solve(self, rhs: Tensor) -> Tensor:
        """(C + μD)⁻¹ rhs: (p,) -> (p,)."""
        assert self.state.factor is not None and self.state.inverse_roots is not None
        return Cholesky(self.state.factor, self.state.inverse_roots).solve(rhs).to(rhs)


def decrement_bound(point: Point, gradient: Tensor, row_interval: int) -> float:
    """An upper bound on λ² = gᵀH⁻¹g from every k-th row only: the rows left out have curvature too, n H ⪰ m C for C over m.

    Args:
        point: of a convex loss over n rows.
        gradient: g (p,).
        row_interval: k.
    """
    sample = sampled(point, row_interval)
    squared = newton_decrement(sample, gradient).squared
    return squared * point.objective.num_rows / sample.objective.num_rows


def sampled(point: Point, row_interval: int) -> Point:
    """The same θ, of the loss over every k-th row."""
    return _every_kth(point.objective, row_interval).point(point.theta)


def _every_kth(objective: Objective, k: int) -> Objective:
    sample = objective.every_kth(k)
    assert sample is not None, "asked only of objectives whose rows can be left out"
    return sample
