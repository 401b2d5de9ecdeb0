r"""Proximal Newton steps: quadratic models of the loss, the penalty as it is.

    w  = argmin_w  gᵀ(w − θ) + ½ (w − θ)ᵀ H (w − θ) + P(w)
    θ⁺ = θ + t (w − θ) ,   t = 1, ½, ¼, …   until   F(θ⁺) ≤ F(θ) + 10⁻⁴ t Δ ,   Δ = gᵀ(w − θ) + P(w) − P(θ) ≤ 0

A Hessian is kept while steps with it leave a tenth of the violation at most: near the optimum one of a step or a penalty before
is as good, and of least squares it is the same.

Source: J. Lee, Y. Sun and M. Saunders, Proximal Newton-type methods for minimizing composite functions (2014), algorithm 1.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from lightning_modules.lasso.all_columns import curvature_on
from lightning_modules.lasso.penalty import Array, Penalty
from lightning_modules.lasso.quadratic_model import minimise_quadratic
from lightning_modules.objectives.linear import GLMObjective
from lightning_modules.objectives.linear.glm_point import GLMPoint

SUFFICIENT, LEAST_STEP = 1e-4, 1e-10
# What a step with an old Hessian may leave of the violation.
LEFT = 0.1
# Beside the value, what rounding may raise, in its units.
ROUNDING = 45.0


@dataclass(eq=False)
class Stage:
    """Where the steps are.

    Attributes:
        objective: the loss without a penalty, on the columns that the steps are on.
        point: θ there.
        hessian: H (p, p) at some earlier point; None = not yet computed.
        steps: how many there were.
        is_done: whether the last steps met what was asked.
        is_stuck: whether no step was better.
    """

    objective: GLMObjective
    point: GLMPoint
    hessian: Array | None = None
    steps: int = 0
    is_done: bool = False
    is_stuck: bool = False

    def move_to(self, theta: Array) -> None:
        """Go on from θ (p,)."""
        self.point = point_at(self.objective, theta)

    @property
    def theta(self) -> Array:
        """θ (p,)."""
        theta: Array = self.point.theta.cpu().numpy()
        return theta

    @property
    def gradient(self) -> Array:
        """Of the loss at θ (p,)."""
        gradient: Array = self.point.gradient.cpu().numpy()
        return gradient

    def fresh_hessian(self) -> Array:
        """H (p, p) at θ."""
        return curvature_on(self.point, np.arange(self.objective.num_features), "hessian")

    def hessian_of(self, places: NDArray[np.int64]) -> Array:
        """H of some coefficients, at this point or an earlier one."""
        if self.hessian is None:
            self.hessian = self.fresh_hessian()
        found: Array = self.hessian[np.ix_(places, places)]
        return found


def point_at(objective: GLMObjective, theta: Array) -> GLMPoint:
    """The point θ (p,), where the rows are."""
    return objective.point(torch.from_numpy(theta).to(objective.rows.device))


def proximal_newton(stage: Stage, penalty: Penalty, scale: Array, target: float, max_steps: int) -> None:
    """Take steps until no violation is larger than the target.

    Args:
        stage: where they begin, and afterwards where they ended.
        penalty: P, of the stage's columns.
        scale: what each violation is divided by (p,).
        target: for the largest of them.
        max_steps: how many there may be, those taken before counted.
    """
    stage.is_done = stage.is_stuck = is_fresh = False
    violation = _violation(stage, penalty, scale)
    while not violation <= target and stage.steps < max_steps:
        if stage.hessian is None:
            stage.hessian, is_fresh = stage.fresh_hessian(), True
        is_better = _step(stage, stage.hessian, penalty)
        before, violation = violation, _violation(stage, penalty, scale)
        # That of biases alone costs less than a step that it spares.
        is_kept = stage.objective.num_features > 0 or stage.objective.is_quadratic
        if is_kept and is_better and violation <= LEFT * before:
            is_fresh = False
            continue
        if is_fresh and (not is_better or (stage.objective.is_quadratic and violation > 0.5 * before)):
            stage.is_stuck = True
            break
        if not stage.objective.is_quadratic or not is_better:
            stage.hessian = None
        is_fresh = stage.hessian is not None
    stage.is_done = violation <= target


def _violation(stage: Stage, penalty: Penalty, scale: Array) -> float:
    return float((penalty.violations(stage.theta, stage.gradient) / scale).max(initial=0))


def _step(stage: Stage, hessian: Array, penalty: Penalty) -> bool:
    """One step; false, and nothing is changed, where none is better."""
    goal = minimise_quadratic(hessian, stage.gradient, stage.theta, penalty)
    found = searched(stage.point, stage.theta, goal, penalty, lambda theta: point_at(stage.objective, theta))
    if found is None:
        return False
    stage.point, stage.steps = found[0], stage.steps + 1
    return True


def searched(
    start: GLMPoint, theta: Array, goal: Array, penalty: Penalty, point_of: Callable[[Array], GLMPoint]
) -> tuple[GLMPoint, float] | None:
    """The point on the way to a goal that is enough better, and t; None if there is none.

    Args:
        start: where it begins.
        theta: θ there (p,).
        goal: w (p,).
        penalty: P.
        point_of: makes the point of a θ (p,).
    """
    gradient: Array = start.gradient.double().cpu().numpy()
    value = float(start.value)
    size = ROUNDING * torch.finfo(start.theta.dtype).eps * (abs(value) + penalty.value(theta))
    step = 1.0
    while step >= LEAST_STEP:
        new = goal if step == 1 else theta + step * (goal - theta)
        promised = float(gradient @ (new - theta)) + penalty.change(theta, new)
        if not promised < 0 or np.array_equal(new, theta):
            return None
        point = point_of(new)
        change = float(point.value) - value + penalty.change(theta, new)
        if change <= SUFFICIENT * promised + size:
            # Where values cannot tell, gradients do.
            ends = (theta, gradient), (new, point.gradient.double().cpu().numpy())
            before, after = (penalty.violations(at, of) for at, of in ends)
            if -promised <= size and not np.linalg.norm(after) < np.linalg.norm(before):
                return None
            return point, step
        step /= 2
    return None
