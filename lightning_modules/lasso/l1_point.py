r"""A point of a loss under an l1 penalty, and the step that is taken from there.

    g_j + r_j θ_j + a_j sign θ_j  for θ_j ≠ 0 or a_j = 0 ,        g_j − clip(g_j, ±a_j)  for θ_j = 0

is the shortest subgradient, which is 0 at an optimum and nowhere else; g is the gradient of the loss without a penalty. What
it takes of the rows is taken of shifted columns, see `centred_rows.py`.
"""

from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lightning_modules.lasso.all_columns import curvature_on, mean_curvature
from lightning_modules.lasso.centred_rows import moved_bias
from lightning_modules.lasso.penalty import Array, Penalty
from lightning_modules.lasso.proximal_newton import searched
from lightning_modules.lasso.quadratic_model import minimise_quadratic
from lightning_modules.objectives.kind import Kind
from lightning_modules.objectives.linear import GLMObjective
from lightning_modules.objectives.linear.glm_point import GLMPoint
from lightning_modules.objectives.linear.layout import Layout

# So many features may enter in a step beside those that are there; up to as many the curvature of all is formed once.
MOST_ENTERING = 256
# The gap is looked at where no violation is larger than so many tolerances.
NEAR = 10.0
# In violations, relative to the size of what cancels in them, as in `optimality.py`.
ROUNDING = 64.0


class L1Loss(Protocol):
    """What a point asks of its objective, `L1Objective`."""

    penalties: Penalty
    centred: GLMObjective
    centre: Tensor | None
    kept_matrix: dict[str, Array]

    @property
    def unit(self) -> float: ...

    @property
    def lengths(self) -> Array: ...

    @property
    def layout(self) -> Layout: ...

    @property
    def num_features(self) -> int: ...

    def point(self, theta: Tensor) -> "L1Point": ...


class L1Point(GLMPoint):
    """θ, with the point of the loss without a penalty there."""

    objective: L1Loss  # type: ignore[assignment]

    @cached_property
    def coefficients(self) -> Array:
        """θ (p,) of the shifted columns, which is θ where none is."""
        theta: Array = self.theta.double().cpu().numpy()
        return moved_bias(theta, self.objective.centre, self.objective.layout)

    @cached_property
    def inner(self) -> GLMPoint:
        """Of the loss without a penalty on shifted columns."""
        return self.objective.centred.point(torch.from_numpy(self.coefficients).to(self.theta))

    @cached_property
    def value(self) -> Tensor:
        return self.inner.value + self.objective.penalties.value(self.coefficients)

    @cached_property
    def gradient(self) -> Tensor:
        penalty, theta, slopes = self.objective.penalties, self.theta.double().cpu().numpy(), self.slopes.copy()
        if (centre := self.objective.centre) is not None:
            weight, bias = self.objective.layout.split(torch.from_numpy(slopes))
            weight += bias[:, None] * centre.to(weight)
        away = slopes + penalty.square * theta + penalty.absolute * np.sign(theta)
        inside = slopes - np.clip(slopes, -penalty.absolute, penalty.absolute)
        least = np.where((theta == 0) & (penalty.absolute > 0), inside, away)
        return torch.from_numpy(least).to(self.theta)

    @cached_property
    def slopes(self) -> Array:
        """∇f of the shifted columns (p,)."""
        found: Array = self.inner.gradient.double().cpu().numpy()
        return found

    @cached_property
    def scale(self) -> Array:
        """What a violation is divided by (p,), so that no unit counts."""
        return self.objective.lengths * mean_curvature(self.inner) ** 0.5

    @cached_property
    def violations(self) -> Array:
        """In no unit (p,)."""
        return self.objective.penalties.violations(self.coefficients, self.slopes) / self.scale

    @property
    def violation(self) -> float:
        """The largest of them."""
        return float(self.violations.max(initial=0))

    @property
    def size(self) -> float:
        """Of θ, as violations are measured: what is lost of a gradient by the rounding of θ is in proportion to it."""
        return float(np.linalg.norm(self.scale * self.theta.double().cpu().numpy())) / (self.objective.unit or 1.0)

    def is_stationary(self, tolerance: float) -> bool:
        """Whether no violation is larger than a tolerance, or than what rounding θ leaves."""
        return self.violation <= max(tolerance, ROUNDING * torch.finfo(self.theta.dtype).eps * self.size)

    def is_proved(self, tolerance: float) -> bool:
        return self.is_stationary(NEAR * tolerance) and super().is_proved(tolerance)

    def curvature_of(self, places: NDArray[np.int64]) -> Array:
        """The Hessian of coefficients at some places, all biases among them where there are any."""
        d, columns = self.objective.num_features, np.zeros(self.objective.num_features, bool)
        columns[places[places < self.objective.layout.num_outputs * d] % d] = True
        few = np.flatnonzero(columns)
        inside = np.flatnonzero(np.isin(self.places_of(few), places))
        found: Array = curvature_on(self.inner, few, "hessian")[np.ix_(inside, inside)]
        return found

    def places_of(self, columns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Of the coefficients of some features and of the biases, in θ."""
        outputs, d = self.objective.layout.num_outputs, self.objective.num_features
        each = np.arange(outputs)[:, None] * d + columns
        return np.concatenate([each.ravel(), np.arange(outputs * d, len(self.theta))])

    def proximal_step(self, kind: Kind) -> "tuple[L1Point, float] | None":
        """One step on the coefficients that are not 0 and on those that violate their condition most."""
        objective, trial = self.objective, self
        columns = self._columns()
        places, matrix = self.places_of(columns), self._matrix(columns, kind)
        goal = self.coefficients.copy()
        penalty = objective.penalties.of(places)
        goal[places] = minimise_quadratic(matrix, self.slopes[places], goal[places], penalty)

        def inner_of(coefficients: Array) -> GLMPoint:
            nonlocal trial
            theta = moved_bias(coefficients, objective.centre, objective.layout, back=True)
            trial = objective.point(torch.from_numpy(theta).to(self.theta))
            return trial.inner

        found = searched(self.inner, self.coefficients, goal, objective.penalties, inner_of)
        if found is None or torch.equal(trial.theta, self.theta):
            return None
        return trial, found[1]

    def _columns(self) -> NDArray[np.int64]:
        """Features that the step is on."""
        objective, outputs, d = self.objective, self.objective.layout.num_outputs, self.objective.num_features
        if d <= MOST_ENTERING and objective.centred.is_quadratic:
            return np.arange(d)
        by_feature = lambda numbers: numbers[: outputs * d].reshape(outputs, d).max(0)  # noqa: E731
        is_there = by_feature((self.coefficients != 0) | (objective.penalties.absolute == 0))
        violations = np.where(is_there, 0, by_feature(self.violations))
        entering = np.argsort(-violations, kind="stable")[:MOST_ENTERING]
        is_there[entering[violations[entering] > 0]] = True
        # Products with half of the columns of many rows cost as much as those with all, which are not copied.
        return np.arange(d) if 2 * is_there.sum() > d else np.flatnonzero(is_there)

    def _matrix(self, columns: NDArray[np.int64], kind: Kind) -> Array:
        kept, is_same = self.objective.kept_matrix, self.objective.centred.is_quadratic
        if is_same and len(columns) == self.objective.num_features:
            if "all" not in kept:
                kept["all"] = curvature_on(self.inner, columns, kind)
            return kept["all"]
        return curvature_on(self.inner, columns, kind)
