r"""Newton's method on a table that fits in a cache, with nothing around it: a good start for the method that proves its end.

    g = X̃ᵀ(w ⊙ ∂l/∂z) + λ(W, 0),     H = Σ_i w_i (∂²l/∂z²)_i ⊗ x̃_i x̃_iᵀ + λ diag(1_W, 0),     θ ← θ − H⁻¹g

with x̃ = (x, 1), or x without an intercept, and weights w that sum to 1. There a sum over all rows takes less time than what
`Newton` keeps, damps and reports beside it, and than a call of torch, so that the linear algebra is NumPy's. A step has to
lower the loss by a share of what it promises; where none that is up to 16 times shorter does, these steps end, and `minimise`
goes on from the last good one.
"""

import math
from dataclasses import dataclass
from functools import cache, cached_property
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg.lapack import dpocon, dposv
from threadpoolctl import ThreadpoolController
from torch import Tensor

from lightning_modules.objectives import GLMObjective, undivided
from lightning_modules.optimizers.optimality import ROUNDING

Array = NDArray[np.float64]

# Beyond so many parameters, or numbers in the table, `Newton` has better ways.
MOST_PARAMETERS, MOST_NUMBERS = 128, 2**19
# The share of gᵀH⁻¹g, twice what the model promises, that a step has to gain. Below the second share of the loss a gain is lost
# in rounding; there, and below the tolerance, gᵀH⁻¹g itself has to shrink to a quarter, as it does near an optimum only.
LEAST_SHARE, LOST, SHRUNK = 1e-4, 1e-10, 0.25
# Of a step that does not gain enough these shares are tried.
SHORTER = (0.5, 0.25, 0.125, 0.0625)
# Of the inverse of H, scaled to a unit diagonal: beyond, columns are called badly conditioned.
MOST_INVERSE = 1e6


class Reached(NamedTuple):
    """Where the steps led.

    Attributes:
        theta: (p,), in the objective's layout.
        steps: how many there were.
        is_done: whether they ended of themselves: no step is left, or none gains much more than the one before.
        is_last: whether gradient and Newton decrement are 0 to tolerance there, as `optimality.py` has it, and no step is known
            that has more digits.
    """

    theta: Tensor
    steps: int
    is_done: bool
    is_last: bool


def small_table(
    objective: GLMObjective, columns: Array, weights: Array | None, offset: Array | None, intercept: bool
) -> "SmallTable | None":
    """The objective on the rows (n, d) that it was made of, where these and the parameters are few; else None."""
    (rows, features), size = columns.shape, columns.shape[1] + intercept
    if rows * size > MOST_NUMBERS or size * objective.family.num_outputs > MOST_PARAMETERS:
        return None
    extended, penalty = np.ones((rows, size)), np.zeros((size, 1))
    extended[:, :features], penalty[:features] = columns, objective.l2
    shares = np.full(rows, 1 / rows) if weights is None else weights / weights.sum()
    return SmallTable(objective, extended, shares, None if offset is None else offset.reshape(rows, -1), penalty)


@dataclass(frozen=True, eq=False)
class SmallTable:
    """A generalised linear model, its columns and the constant one side by side.

    Attributes:
        objective: the same loss, whose family and targets these are.
        columns: X̃ (n, q).
        shares: w (n,).
        offset: added to the rows' predictors (n, K); None = 0.
        penalty: λ of each column's coefficients (q, 1): 0 for the intercept.
    """

    objective: GLMObjective
    columns: Array
    shares: Array
    offset: Array | None
    penalty: Array

    @np.errstate(all="ignore")  # a step that leads to where numbers run out is not taken, and said by who goes on
    def minimise(self, tolerance: float, max_steps: int, start: Tensor | None = None) -> Reached:
        """Newton steps from a start (p,), or from 0, to where the loss is flat to a tolerance, or until one fails.

        By one thread: products of this size gain nothing by more, and on a busy machine lose a lot.
        """
        with undivided(), _linear_algebra().limit(limits=1):
            zeros = self.objective.layout.zeros(torch.device("cpu"))
            return self._minimise(tolerance, max_steps, self._by_columns(zeros if start is None else start))

    def _minimise(self, tolerance: float, max_steps: int, theta: Array) -> Reached:
        invariant = self._invariant(theta)
        value, gradient, z = self._value_and_gradient(theta)
        steps, before, is_done, is_last = 0, math.inf, False, False
        while (found := self._newton_step(z, gradient, invariant)) is not None:
            unit = max(self.objective.unit, self._unit_of_rounding(theta, found.diagonal, tolerance))
            is_near = before <= max(LOST * abs(value), 2 * tolerance * unit)
            is_last = found.squared <= 2 * tolerance * unit and found.steepest <= tolerance * math.sqrt(unit)
            is_done = is_last or found.squared <= 0 or (is_near and found.squared > SHRUNK * before)  # false of nan
            if is_done or steps == max_steps:
                # Of families with one weight a row `Newton` knows steps with more digits where columns are badly conditioned.
                is_last &= not self.objective.family.has_row_weights or found.is_well_conditioned
                break
            is_noise = found.squared <= LOST * abs(value)
            for share in (1.0, *([] if is_noise else SHORTER)):
                trial = theta - share * found.step
                then, slope, predictors = self._value_and_gradient(trial)
                is_lower = is_noise or then <= value - LEAST_SHARE * share * found.squared  # false of nan
                if is_lower and math.isfinite(then + slope.sum()):
                    break
            else:
                break
            theta, value, gradient, z, steps, before = trial, then, slope, predictors, steps + 1, found.squared
        return Reached(self._by_layout(theta), steps, is_done, is_last)

    def _unit_of_rounding(self, theta: Array, diagonal: Array, tolerance: float) -> float:
        """What rounding asks of the unit of the loss, see `optimality.py`."""
        share = ROUNDING * np.finfo(np.float64).eps / tolerance if tolerance else 0.0
        return share**2 * float(diagonal @ np.square(theta.T.ravel()))

    def _by_layout(self, theta: Array) -> Tensor:
        """(q, K) -> θ (p,) as the objective has it."""
        features = self.objective.num_features
        return torch.from_numpy(np.concatenate([theta[:features].T.ravel(), theta[features:].ravel()]))

    def _by_columns(self, theta: Tensor) -> Array:
        """θ (p,) as the objective has it -> (q, K), a copy."""
        weight, bias = self.objective.layout.split(theta)
        parts = [weight.T, bias[None]] if self.objective.layout.has_bias else [weight.T]
        return np.concatenate([part.numpy() for part in parts])

    def _invariant(self, theta: Array) -> Array:
        """Directions along which the loss never changes, output by output as H is: (p, k)."""
        invariant = self.objective.invariant_directions(self._by_layout(theta))
        if not invariant.shape[1]:
            return invariant.numpy()
        places = self._by_layout(np.arange(theta.size, dtype=np.float64).reshape(theta.shape[::-1]).T)
        return invariant[places.argsort()].numpy()

    def _value_and_gradient(self, theta: Array) -> tuple[float, Array, Array]:
        """Of θ (q, K): the loss, its gradient (q, K), and the predictors (n, K)."""
        z = self.columns @ theta
        if self.offset is not None:
            z += self.offset
        losses, slopes = self.objective.family.loss_and_gradient(torch.from_numpy(z), self.objective.targets)
        penalty = self.penalty * theta
        value = losses.numpy() @ self.shares + 0.5 * np.vdot(penalty, theta)
        return float(value), self.columns.T @ (slopes.numpy() * self.shares[:, None]) + penalty, z

    def _newton_step(self, z: Array, gradient: Array, invariant: Array) -> "_Step | None":
        """At predictors z (n, K); None where H is not positive definite."""
        hessian = self._hessian(torch.from_numpy(z))
        diagonal = hessian.diagonal().copy()
        if not (diagonal > 0).all():
            return None
        scale, slope = 1 / np.sqrt(diagonal), gradient.T.ravel()
        if invariant.shape[1]:  # see `solvers.completed`
            hessian += invariant @ (invariant.T @ (diagonal[:, None] * invariant)) @ invariant.T
        factor, step, info = dposv(scale[:, None] * hessian * scale, scale * slope)
        if info:
            return None
        step *= scale
        steepest = float(np.abs(scale * slope).max())
        return _Step(step.reshape(gradient.shape[::-1]).T, float(slope @ step), steepest, diagonal, factor)

    def _hessian(self, z: Tensor) -> Array:
        family, targets, columns = self.objective.family, self.objective.targets, self.columns
        if family.num_outputs == 1:
            rows = columns * np.sqrt(family.curvature_diagonal(z, targets).numpy()[:, 0] * self.shares)[:, None]
            hessian = rows.T @ rows  # of which NumPy computes one half
        else:
            curvature = family.curvature(z, targets).numpy() * self.shares[:, None, None]
            # Of one output after another, so that no more is held than a few copies of the columns.
            hessian = np.concatenate(
                [columns.T @ (block[:, :, None] * columns[:, None]).reshape(len(z), -1) for block in curvature.swapaxes(0, 1)]
            )
        hessian.reshape(-1)[:: len(hessian) + 1] += self._penalties  # its diagonal
        return hessian

    @cached_property
    def _penalties(self) -> Array:
        """λ of every coefficient, output by output: (p,)."""
        return np.tile(self.penalty[:, 0], self.objective.family.num_outputs)


@cache
def _linear_algebra() -> ThreadpoolController:
    """Of NumPy and SciPy, whose libraries it takes some milliseconds to find."""
    return ThreadpoolController().select(user_api="blas")


class _Step(NamedTuple):
    """A Newton step, by H (p, p), output by output, factorised in the scale of its own diagonal, so that units do not count.

    Attributes:
        step: H⁻¹g (q, K).
        squared: gᵀH⁻¹g.
        steepest: the largest |g_j| / √H_jj.
        diagonal: of H (p,).
        factor: triangular, of H in its own scale (p, p).
    """

    step: Array
    squared: float
    steepest: float
    diagonal: Array
    factor: Array

    @property
    def is_well_conditioned(self) -> bool:
        """Whether the inverse of H in its own scale is at most MOST_INVERSE."""
        # Of a matrix with the norm 1 in place of its own, what LAPACK gives is one over the norm of the inverse.
        reciprocal, info = dpocon(self.factor, 1.0)
        return not info and reciprocal * MOST_INVERSE >= 1
