r"""How far a penalised loss is from its minimum at most: the gap to the value of the dual problem.

    min_θ  F(θ) = 1/n Σ_i l_i(z_i) + P(θ)   ≥   max_s  D(s) = −1/n Σ_i l_i*(s_i) − Σ_j P_j*(−G_j) ,   G = 1/n Σ_i s_i ⊗ x̃_i

for every s, so that F(θ) − D(s) bounds F(θ) − min F. As s are taken the loss's slopes at θ, made feasible in two steps:

    of what is not penalised G_j has to be 0: s ← s − C X̃_u H_uu⁻¹ G_u, one Newton step of those coefficients;
    where only l1 penalises, |G_j| ≤ a_j: s ← c s with the largest c ≤ 1.

The gap is a sum of terms ≥ 0, one for each row and each coefficient, and so loses few digits:

    F − D = 1/n Σ_i [l_i(z_i) + l_i*(s_i) − s_i z_i] + Σ_j [P_j(θ_j) + P_j*(−G_j) + G_j θ_j] .

Source: O. Fercoq, A. Gramfort and J. Salmon, Mind the duality gap: safer rules for the lasso (2015), section 2.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from lightning_modules.lasso.all_columns import pulled_back, rows_at, rows_of_point
from lightning_modules.lasso.penalty import Array, Penalty
from lightning_modules.objectives.linear import GLMObjective
from lightning_modules.objectives.linear.glm_point import GLMPoint

# What rounding leaves of a gradient, relative to the size of what cancels in it.
ROUNDING = 64.0
# Beside the penalties, a change of gradients of which a digit is enough for a gap.
NOTHING = 1e-9


@dataclass(frozen=True, eq=False)
class Certificate:
    """What is known of a point θ.

    Attributes:
        gradient: of the loss in all coefficients (p,).
        gap: the duality gap; None for families whose conjugate has no closed form.
    """

    gradient: Array
    gap: float | None


def certificate(
    objective: GLMObjective,
    point: GLMPoint,
    places: NDArray[np.int64],
    theta: Array,
    penalty: Penalty,
    sizes: Array,
    hessian_of: Callable[[NDArray[np.int64]], Array],
    hessian: Array | None = None,
) -> Certificate:
    """The gradient in all coefficients and the duality gap.

    Args:
        objective: the loss on all columns, without a penalty.
        point: where the steps ended, on some of the columns.
        places: of the point's coefficients among all (p',).
        theta: θ with all coefficients (p,).
        penalty: P, of all coefficients.
        sizes: of what cancels in each entry of the gradient (p,).
        hessian_of: the Hessian, there or nearby, of those of the point's coefficients that are not penalised.
        hessian: of all of the point's coefficients, there or nearby, if it is known.
    """
    glm = point.glm
    z, slopes = rows_of_point(point)
    feasible, move = _without_free(point, penalty.of(places), slopes, hessian_of)
    gradient, pulled = _pulled(objective, point, slopes, feasible, move, penalty, hessian)
    is_bound = (penalty.absolute > 0) & (penalty.square == 0)
    penalty = _with_rounding(penalty, pulled, is_bound, ROUNDING * torch.finfo(point.theta.dtype).eps * sizes)
    with np.errstate(divide="ignore"):
        factor = min(1.0, float((penalty.absolute[is_bound] / np.abs(pulled[is_bound])).min(initial=math.inf)))
    # Asked of no row, so that a process without rows knows as well.
    if glm.family.duality_gap(z[:0], glm.rows.all_targets[:0], feasible[:0]) is None:
        return Certificate(gradient, None)
    total, begin = torch.zeros((), dtype=torch.float64, device=z.device), 0
    for y in glm.rows.terms_of_rows.pieces_beside(glm.rows.targets):
        part = slice(begin, begin + len(y))
        of_rows = glm.family.duality_gap(z[part], y, factor * feasible[part])
        assert of_rows is not None
        total, begin = total + of_rows.double().sum(), part.stop
    gap = float(glm.mean(total)) + _of_coefficients(theta, factor * pulled, penalty)
    return Certificate(gradient, max(gap, 0.0))  # a sum of terms ≥ 0, but for rounding


def _with_rounding(penalty: Penalty, pulled: Array, is_bound: Array, most: Array) -> Penalty:
    """P with a_j as much larger as rounding has left |G_j| beyond it, at most as said (p,).

    The gap to the dual problem of that penalty is one of this one but for  Σ_j δ_j (|θ*_j| − |θ_j|) ,  which is nothing; to
    shrink all slopes for a column in tiny units would make much of it.
    """
    excess = np.where(is_bound, np.abs(pulled) - penalty.absolute, 0)
    return Penalty(penalty.absolute + np.where((excess > 0) & (excess <= most), excess, 0), penalty.square)


def _pulled(
    objective: GLMObjective,
    point: GLMPoint,
    slopes: torch.Tensor,
    feasible: torch.Tensor,
    move: Array | None,
    penalty: Penalty,
    hessian: Array | None,
) -> tuple[Array, Array]:
    """What slopes and feasible ones are pulled back to, all columns: (p,) each."""
    if hessian is not None and len(hessian) == objective.layout.num_outputs * objective.layout.width:
        gradient: Array = point.gradient.double().cpu().numpy()
        change = np.zeros_like(gradient) if move is None else hessian @ move
        # By a Hessian of an earlier point, which is kept while it is right to a tenth, a change is known to a digit.
        if objective.is_quadratic or np.abs(change).max() <= NOTHING * penalty.absolute.max(initial=0):
            return gradient, gradient - change
    of_slopes, of_feasible = pulled_back(objective, torch.stack([slopes, feasible]))
    return of_slopes, of_feasible


def _without_free(
    point: GLMPoint, penalty: Penalty, slopes: torch.Tensor, hessian_of: Callable[[NDArray[np.int64]], Array]
) -> tuple[torch.Tensor, Array | None]:
    """Slopes (n, K) of which nothing points along what is not penalised, and by which step (p',) they become that."""
    free = np.flatnonzero((penalty.absolute == 0) & (penalty.square == 0))
    if not len(free):
        return slopes, None
    gradient: Array = point.gradient.double().cpu().numpy()
    move = np.zeros_like(gradient)
    # Free columns may depend on one another: any of the solutions will do.
    move[free] = np.linalg.pinv(hessian_of(free), hermitian=True) @ gradient[free]
    along, begin, moved = _along(point, move), 0, []
    for y, z in rows_at(point):
        moved.append(point.glm.family.curvature_product(z, y, along[begin : begin + len(z)]))
        begin += len(z)
    return slopes - torch.cat(moved) if moved else slopes, move


def _along(point: GLMPoint, move: Array) -> torch.Tensor:
    """By how much the predictors of this process's rows change along a step (p',): (n, K)."""
    step, outputs = torch.from_numpy(move).to(point.theta), point.glm.layout.num_outputs
    if not step[: len(step) - outputs * point.glm.layout.has_bias].any():
        bias = point.glm.layout.split(step)[1]
        return bias.expand(len(point.glm.rows.features), outputs)
    found = [z for _, _, z in GLMPoint(point.objective, point.glm, step).predictors.chunks()]
    return torch.cat(found) if found else step.new_empty(0, outputs)


def _of_coefficients(theta: Array, pulled: Array, penalty: Penalty) -> float:
    absolute, square = penalty.absolute, penalty.square
    own = absolute * np.abs(theta) + 0.5 * square * theta**2 + pulled * theta
    beyond = np.maximum(np.abs(pulled) - absolute, 0) ** 2
    conjugate = np.divide(beyond, 2 * square, out=np.zeros_like(beyond), where=square > 0)
    # What is left of the free ones, by rounding, may count either way.
    is_free = (absolute == 0) & (square == 0)
    return float(np.where(is_free, np.abs(own), own + conjugate).sum())
