r"""A generalised linear model under an l1 penalty, solved for one strength of it after another.

    minimise  f(θ) + l2/2 Σ_j v_j θ_j² + l1 Σ_j v_j |θ_j| ,      f the mean loss; biases are not penalised

Steps are taken on a few of the columns. When they are done the conditions of an optimum are looked at for all; columns that
violate theirs are added, and steps go on. So whatever is left out at first, the end is an optimum of the whole.

Along a path of falling l1 the columns that are tried first are those that the sequential strong rule keeps,

    |g_j| ≥ v_j (2 l1 − l1_before) ,        g the gradient at the minimiser for l1_before.

Source: R. Tibshirani et al., Strong rules for discarding predictors in lasso-type problems (2012), section 3 and algorithm 2.
"""

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lightning_modules.lasso.all_columns import first_look, mean_curvature, moments, rows_of_point
from lightning_modules.lasso.centred_rows import centred, moved_bias
from lightning_modules.lasso.duality import Certificate, certificate
from lightning_modules.lasso.penalty import Array, Penalty, check_strength, weights_of_coefficients
from lightning_modules.lasso.proximal_newton import Stage, point_at, proximal_newton
from lightning_modules.lasso.sparse_minimum import SparseMinimum, Status, told
from lightning_modules.objectives import Degeneracy, undivided
from lightning_modules.objectives.linear import GLMObjective, intercept_start

Places = NDArray[np.bool_]

# Up to so many features all are taken at once where nothing is known of them; of more, so many more in each round.
MOST_AT_ONCE = 256
# What is not penalised is near its optimum after a few steps, unless it has none.
FEW_STEPS, MOST_FREE_STEPS = 20, 100
# Numbers in the columns up to which threads would wait for one another longer than they help.
MOST_UNDIVIDED = 2**23
# One of so many rows at most is a row of a sample, which has so many for each coefficient; and the tolerance there.
MOST_APART, ROWS_OF_SAMPLE, OF_SAMPLE = 16, 256, 1e-4
# How much further than to the next penalty of a path columns are looked for, so that they are seldom gathered anew.
AHEAD = 0.8
# The violation that steps end at, beside the tolerance for the gap; and the least that is tried.
TOLERANCE, OF_TOLERANCE, LEAST_TARGET = 1e-10, 0.1, 1e-14


class PenalisedProblem:
    """The model, and what one penalty leaves to the next.

    Args:
        objective: the loss; its l2 counts.
        penalty_weights: v (d,), ≥ 0; None = 1 for each.
        tolerance: for the gap, in units of the loss.

    Attributes:
        largest_l1: the least l1 at which every penalised coefficient is 0.

    Raises:
        ValueError: penalty weights of another length, negative or not finite; a tolerance that is no number above 0.
    """

    def __init__(self, objective: GLMObjective, penalty_weights: Any = None, tolerance: float = TOLERANCE) -> None:
        if not isinstance(tolerance, (int, float)) or not 0 < tolerance < math.inf:
            raise ValueError(f"tolerance={tolerance!r}: give a number > 0")
        self.weights = weights_of_coefficients(objective, penalty_weights)
        self.l2, self.tolerance = objective.l2, float(tolerance)
        self.objective, self._centre = objective.with_l2(0.0), None
        self.unit = self.objective.unit or 1.0
        self._columns = self.weights[: self.objective.num_features] == 0
        self._theta = intercept_start(self.objective).numpy()
        self._separated: Degeneracy | None = None
        self._value: float | None = None  # of the loss at θ, where the gradient is known
        self._fit_free()
        is_held = self.weights > 0
        self.largest_l1 = float((np.abs(self._gradient[is_held]) / self.weights[is_held]).max(initial=0))
        self._l1, self._is_known = math.inf, True

    def _fit_free(self) -> None:
        """θ with all that is penalised at 0, and the scale of the coefficients there."""
        plain, layout, places = self.objective, self.objective.layout, self._places
        # Where none but biases are free, columns are read once, for the gradient there too.
        known = moments(plain) if self._columns.any() else None
        if known is not None:
            self.objective, self._centre = centred(plain, known)
            known = known if self._centre is None else moments(self.objective)
        stage = self._stage = self._stage_on(self._columns)
        lengths = np.ones(len(places)) if known is None else known.lengths(layout)[places]
        scale = lengths * math.sqrt(self.unit * mean_curvature(stage.point))
        proximal_newton(stage, self.penalty(0.0).of(places), scale, LEAST_TARGET, MOST_FREE_STEPS)
        if not stage.is_done or stage.steps > FEW_STEPS:
            self._separated = stage.objective.degeneracy(stage.point.theta)
        self._theta[places], slopes = stage.theta, rows_of_point(stage.point)[1]
        self._gradient, found = first_look(self.objective, slopes)
        if known is None:
            self.objective, self._centre = centred(plain, found)
            if self._centre is not None:
                self._gradient, found = first_look(self.objective, slopes)
        self._scale = found.lengths(layout) * math.sqrt(self.unit * mean_curvature(stage.point))
        self._value = float(stage.point.value)

    def penalty(self, l1: float) -> Penalty:
        """Of all coefficients (p,)."""
        return Penalty(l1 * self.weights, self.l2 * self.weights)

    def minimise(self, l1: float, max_steps: int = 500, start: Array | None = None) -> SparseMinimum:
        """The minimiser for one l1, from that for the last one.

        Args:
            l1: strength ≥ 0 of the penalty on absolute values, relative to the mean loss.
            max_steps: after so many steps it ends in any case.
            start: θ (p,) to begin with; None = where the last one ended.

        Raises:
            ValueError: l1 below 0 or not finite, no whole number of steps.
        """
        check_strength("l1", l1)
        if not isinstance(max_steps, int) or max_steps < 1:
            raise ValueError(f"max_steps={max_steps!r}: give a whole number ≥ 1")
        if start is not None:
            self._theta, self._is_known = moved_bias(start, self._centre, self.objective.layout), False
            self._value = None
        if self.objective.rows.features.numel() > MOST_UNDIVIDED:
            return self._minimised(l1, max_steps)
        with undivided():
            return self._minimised(l1, max_steps)

    def _minimised(self, l1: float, max_steps: int) -> SparseMinimum:
        penalty, steps, target = self.penalty(l1), 0, OF_TOLERANCE * self.tolerance
        is_first = math.isinf(self._l1) and self._is_known and l1 < 0.5 * self.largest_l1
        if is_first and not self.objective.is_quadratic:  # of least squares one step is as good from anywhere
            self._begin_on_a_sample(l1)
        self._take_columns(self._first_columns(l1))
        while True:
            stage, places = self._stage, self._places
            stage.steps = steps
            proximal_newton(stage, penalty.of(places), self._scale[places], target, max_steps)
            steps, self._theta = stage.steps, np.zeros_like(self._theta)
            self._theta[places] = stage.theta
            found = self._certificate(penalty)
            self._gradient, self._l1, self._is_known = found.gradient, l1, True
            self._value = float(stage.point.value)
            violations = penalty.violations(self._theta, found.gradient) / self._scale
            kkt = float(violations.max(initial=0)) * self.unit
            measure, allowed = kkt if found.gap is None else found.gap, self.tolerance * self.unit
            if measure <= allowed:
                return self._told("converged", found.gap, kkt, penalty, steps, allowed, max_steps)
            if steps >= max_steps:
                return self._told("budget", found.gap, kkt, penalty, steps, allowed, max_steps)
            # Violations that a step on these columns would not touch.
            violating = self._by_feature(violations) * ~self._columns
            if (added := largest_of(violating, violating > target, self._most_added())).any():
                self._take_columns(self._columns | added)
            elif stage.is_stuck or target <= LEAST_TARGET:
                return self._told("stalled", found.gap, kkt, penalty, steps, allowed, max_steps)
            else:
                target = max(0.01 * target, LEAST_TARGET)

    def _begin_on_a_sample(self, l1: float) -> None:
        """Of many rows for each coefficient some tell nearly as much: where they lead is a good start for all."""
        every = min(MOST_APART, int(self.objective.rows_per_parameter) // ROWS_OF_SAMPLE)
        if every > 1:
            sample = self.objective.every_kth(every).with_l2(self.l2)
            found = PenalisedProblem(sample, self.weights[: self.objective.num_features], OF_SAMPLE).minimise(l1)
            if found.status == "converged":
                self._theta, self._value = found.theta.numpy(), None

    # -- which columns -------------------------------------------------------------------------------------------------

    def _first_columns(self, l1: float) -> Places:
        """Those with coefficients, and those that the strong rule keeps."""
        d = self.objective.num_features
        needed = self._by_feature(np.abs(self._theta) + (self.weights == 0)) > 0 if d else self._columns
        if not self._is_known:
            return needed
        if d <= MOST_AT_ONCE and math.isinf(self._l1) and l1 < 0.5 * self.largest_l1:
            return np.ones(d, bool)
        before = min(self._l1, self.largest_l1)
        kept = needed | self._kept_by_strong_rule(l1, before)
        if not (kept & ~self._columns).any():
            # Columns that are not needed any more cost time, gathering others costs it too.
            return self._columns if self._columns.sum() <= 2 * kept.sum() else kept
        ahead = needed | self._kept_by_strong_rule(AHEAD * l1, AHEAD * before)
        return ahead if ahead.sum() <= 2 * kept.sum() else kept

    def _kept_by_strong_rule(self, l1: float, before: float) -> Places:
        """Of |g_j| ≥ v_j (2 l1 − before) not more than a round may add."""
        sizes = self._by_feature(np.abs(self._gradient) / np.where(self.weights > 0, self.weights, 1.0))
        return largest_of(sizes, sizes >= 2 * l1 - before, self._most_added())

    def _most_added(self) -> int:
        return max(MOST_AT_ONCE, int(self._columns.sum()))

    def _by_feature(self, of_coefficients: Array) -> Array:
        """The largest of the outputs' numbers for each feature: (p,) -> (d,)."""
        outputs, d = self.objective.family.num_outputs, self.objective.num_features
        found: Array = of_coefficients[: outputs * d].reshape(outputs, d).max(0)
        return found

    def _take_columns(self, columns: Places) -> None:
        """Go on with these columns, from the same θ."""
        if not np.array_equal(columns, self._columns):
            self._columns = columns
            self._stage = self._stage_on(columns)
        elif not np.array_equal(self._stage.theta, self._theta[self._places]):
            self._stage.move_to(self._theta[self._places])

    def _stage_on(self, columns: Places) -> Stage:
        objective = self.objective
        if not columns.all():
            objective = objective.on_columns(torch.from_numpy(np.flatnonzero(columns)).to(objective.rows.device))
        point = point_at(objective, self._theta[self._places])
        if self._value is not None:
            # What is known of all columns is known of these.
            gradient = torch.from_numpy(self._gradient[self._places]).to(point.theta)
            vars(point).update(value=gradient.new_tensor(self._value), gradient=gradient)
        return Stage(objective, point)

    def _certificate(self, penalty: Penalty) -> Certificate:
        """Of where the steps ended."""
        stage, given = self._stage, (self._places, self._theta, penalty, self._scale)
        return certificate(self.objective, stage.point, *given, stage.hessian_of, stage.hessian)

    @property
    def _places(self) -> NDArray[np.int64]:
        """Of the coefficients that steps are on, among all."""
        outputs, d = self.objective.family.num_outputs, self.objective.num_features
        each = np.arange(outputs)[:, None] * d + np.flatnonzero(self._columns)
        return np.concatenate([each.ravel(), np.arange(outputs * d, len(self.weights))])

    # -- the end -------------------------------------------------------------------------------------------------------

    def _told(
        self, status: Status, gap: float | None, kkt: float, penalty: Penalty, steps: int, allowed: float, max_steps: int
    ) -> SparseMinimum:
        value = float(self._stage.point.value) + penalty.value(self._theta)
        active = tuple(np.flatnonzero(self._by_feature(np.abs(self._theta)) > 0).tolist())
        if self._separated is not None and self._separated.kind == "separated":
            status = "separated"
        message = told(status, gap, kkt, len(active), allowed, max_steps, self._separated)
        theta = torch.from_numpy(moved_bias(self._theta, self._centre, self.objective.layout, back=True))
        return SparseMinimum(theta, value, self._l1, self.l2, gap, kkt, active, steps, status, message)


def largest_of(sizes: Array, allowed: Places, count: int) -> Places:
    """Of the allowed ones the so many largest."""
    places = np.flatnonzero(allowed)
    chosen = np.zeros(len(sizes), bool)
    chosen[places[np.argsort(-sizes[places], kind="stable")[:count]]] = True
    return chosen
