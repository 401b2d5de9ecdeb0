"""Where a run ended, said honestly: at the optimum, short of it, or on a problem that has none."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from lightning_modules.devices import full_float32
from lightning_modules.objectives import Degeneracy, Objective, Point, Proof
from lightning_modules.optimizers.newton_decrement import DENSE_PARAMETERS, NewtonDecrement, newton_decrement
from lightning_modules.optimizers.optimality import (
    SMALL_LAST_STEP,
    default_tolerance,
    has_run_out,
    is_flat,
    is_lowest,
    is_minimal,
    is_small,
    is_stationary,
    loss_unit,
    scale_at,
    sizes,
)
from lightning_modules.optimizers.parameter_scale import energy, updated_scale
from lightning_modules.solvers import own_scale

# An eigenvalue of a Hessian in the parameters' own scale that is lower than minus this is called negative.
BENT = 1e-6

Status = Literal["converged", "separated", "rank_deficient", "stalled", "budget", "stopped"]


@dataclass(frozen=True)
class Convergence:
    """The verdict on a point θ.

    Attributes:
        status: `converged` – θ is the minimiser to tolerance, and that a minimiser exists is proven or known;
            `separated` – the classes are separated, the optimum is at infinity;
            `rank_deficient` – features depend linearly on others, the minimiser is not unique;
            `stalled` – no step decreased the loss, yet the tolerance is not met;
            `budget` – the epochs, the steps or the time ran out first;
            `stopped` – somebody ended it first, see `ending.py`.
        message: one sentence for the user, with the numbers.
        gradient_max: ‖∇‖∞ at θ.
        newton_decrement: λ at θ; nan far from an optimum where it would cost too much: for many parameters, or a loss
            that is not convex.
        direction: unit direction (p,) that separates the classes; None unless `separated`.
        columns: linearly dependent features; empty unless `rank_deficient`.
        distance: a proven bound on the distance to the optimum, ‖θ* − θ‖₂ (see `distance_bound`); infinite where nothing is
            proved; None for losses of which no such bound is known, and for many parameters.
        gap: under an l1 penalty, no point has a lower value by more; None without one, or where no such bound is known.
    """

    status: Status
    message: str
    gradient_max: float
    newton_decrement: float
    direction: Tensor | None = None
    columns: tuple[int, ...] = ()
    distance: float | None = None
    gap: float | None = None


@torch.no_grad()
def diagnose(
    objective: Objective,
    theta: Tensor,
    tolerance: float | None = None,
    stalled: bool = False,
    scale: Tensor | None = None,
    largest: Tensor | None = None,
) -> Convergence:
    """Judge θ (p,) as a minimiser of the objective over *all* training rows.

    A small gradient alone is no proof: on separated classes it falls below any tolerance on the way to infinity. So
    `converged` also asks the objective whether a minimiser near θ is certain.

    Args:
        objective: the loss over all training rows.
        theta: parameters (p,).
        tolerance: τ, see `optimality.py`; by default as in `CurvatureOptimizer`.
        stalled: whether the method gave up because no step decreased the loss.
        scale: D (p,) of the method's steps, see `parameter_scale.py`; None where it did not look.
        largest: the largest |θ_j| of its steps (p,), of a function; see `sizes`.
    """
    if tolerance is None:
        tolerance = default_tolerance(theta.dtype)
    with full_float32(theta.dtype):
        return _judged(objective, theta, tolerance, stalled, scale, largest)


def _judged(
    objective: Objective, theta: Tensor, tolerance: float, stalled: bool, scale: Tensor | None, largest: Tensor | None
) -> Convergence:
    # What rounding may leave is that of the precision the steps were computed in.
    precision = theta.dtype
    point = objective.at_full_precision(theta)
    if (proof := objective.proof_at(point.theta, tolerance)) is not None:
        return _by_proof(proof, tolerance, stalled)
    theta, gradient = point.theta, point.gradient
    near = _nearness(point, precision, tolerance, stalled, scale, largest)
    decrement, gradient_max = near.decrement, float(gradient.abs().max())
    root = math.sqrt(max(decrement.squared, 0.0))  # max keeps a nan that comes first
    measured = f"largest gradient entry {gradient_max:.1e}" + ("" if math.isnan(root) else f", Newton decrement {root:.1e}")
    distance = objective.distance_bound(theta, gradient, decrement.hessian)
    if distance is not None and distance < math.inf:
        measured += f", at most {distance:.1e} from the optimum"
    remark = objective.remark(theta)
    remark = f"; {remark}" if remark else ""
    status: Status
    fact: Degeneracy | None = None
    if near.is_least:
        status, message = "converged", f"at {float(point.value):.1e}, the least that the loss can be; {measured}{remark}"
    elif near.is_optimal and objective.attains_minimum(theta, root, decrement.hessian):
        is_rounding = near.is_last or tolerance < torch.finfo(theta.dtype).eps
        reached = "as near as rounding allows" if is_rounding else f"to tolerance {tolerance:.1e}"
        status, message = "converged", f"at the optimum {reached}: {measured}{remark}"
    elif (fact := objective.degeneracy(theta, decrement.direction)) is not None:
        # What the numbers allow is no question where coefficients go to infinity.
        status, message = fact.kind, f"{fact.message}; {measured}" + ("" if fact.kind == "separated" else remark)
    elif near.is_optimal or near.is_flat or near.has_run_out:
        what = "nearly flat, but no proof that an optimum exists nearby"
        if near.has_run_out:
            what = "too flat for numbers to tell from level ground: the loss may fall for ever, or a factor in it is too small"
        elif _bends_down(point):
            what = "flat, but no minimum: the loss bends down along a direction, so start elsewhere"
        status, message = "budget", f"{what}; {measured}{remark}"
    elif stalled:
        status = "stalled"
        message = f"no step decreases the loss any further, short of tolerance {tolerance:.1e}; {measured}{remark}"
    else:
        status, message = "budget", f"ended before the optimum; {measured}{remark}, tolerance {tolerance:.1e}"
    direction, columns = (None, ()) if fact is None else (fact.direction, fact.columns)
    return Convergence(status, message, gradient_max, root, direction, columns, distance)


def _by_proof(proof: Proof, tolerance: float, stalled: bool) -> Convergence:
    """The verdict of a loss that proves it itself."""
    measured = proof.message
    status: Status = "stalled" if stalled else "budget"
    said: Status = "converged" if proof.holds else "separated" if proof.fact is not None else status
    message = {
        "converged": f"at the optimum to tolerance {tolerance:.1e}: {measured}",
        "separated": f"{proof.fact.message if proof.fact else ''}; {measured}",
        "stalled": f"no step decreases the loss any further, short of tolerance {tolerance:.1e}; {measured}",
        "budget": f"ended before the optimum; {measured}, tolerance {tolerance:.1e}",
    }[said]
    direction = None if proof.fact is None else proof.fact.direction
    return Convergence(said, message, proof.largest, math.nan, direction, gap=proof.gap)


@dataclass
class _Nearness:
    """What the derivatives at a point say of it as a minimiser, which is not yet a proof that there is one.

    Attributes:
        decrement: Newton decrement; nan where it was not worth its cost.
        is_least: the loss is at its infimum.
        is_flat: gradient and decrement are 0 to tolerance.
        is_optimal: it is a minimiser, if one is near.
        is_last: because no step is any better, not by the tolerance.
        has_run_out: numbers are too small to tell.
    """

    decrement: NewtonDecrement
    is_least: bool = False
    is_flat: bool = False
    is_optimal: bool = False
    is_last: bool = False
    has_run_out: bool = False


def _nearness(
    point: Point,
    precision: torch.dtype,
    tolerance: float,
    stalled: bool,
    scale: Tensor | None,
    largest: Tensor | None,
) -> _Nearness:
    """By the conditions of `optimality.py`; arguments as in `diagnose`."""
    objective, theta, gradient = point.objective, point.theta, point.gradient
    near, is_small_enough = _Nearness(NewtonDecrement(math.nan, torch.zeros_like(theta), None)), len(theta) <= DENSE_PARAMETERS
    # Beyond, no minimum could be proved of a loss that is not convex, and to look would cost more than many an epoch.
    if not (objective.is_convex or is_small_enough):
        return near
    here = updated_scale(None, scale_at(point), objective)
    scale = here if scale is None or objective.unit is None else torch.maximum(scale, here)
    size = sizes(point, largest) if objective.unit is None else theta
    unit = loss_unit(objective, scale, size.to(precision), tolerance)
    near.is_least, stationary = is_lowest(point, unit), is_stationary(gradient, scale, unit, tolerance)
    if not (stationary or stalled or (objective.is_convex and is_small_enough)):
        return near
    near.decrement = decrement = newton_decrement(point, gradient)
    # In place of the gradient's entries the decrement may tell it: it is known here.
    stationary = stationary or decrement.squared <= (100 * tolerance) ** 2 * unit
    near.is_flat = stationary and is_flat(decrement, unit, tolerance)
    near.is_optimal = near.is_flat and is_minimal(point, decrement, scale, unit, tolerance)
    near.has_run_out = has_run_out(point, decrement)
    if stalled and not near.is_optimal and not near.has_run_out:
        # No step is any better, and what Newton's method would still change is nothing: rounding is all that is left.
        most = max(objective.unit or 0.0, energy(scale, size))
        is_nothing = is_small(decrement.direction, scale, most, SMALL_LAST_STEP)
        near.is_optimal = near.is_last = is_nothing and decrement.squared <= SMALL_LAST_STEP**2 * most
    return near


def _bends_down(point: Point) -> bool:
    """Whether a stationary point is clearly a saddle or a maximum; False for many parameters, of which no matrix is formed."""
    objective = point.objective
    if objective.is_convex or len(point.theta) > DENSE_PARAMETERS or not objective.has_hessian:
        return False
    hessian = point.curvature("hessian").matrix().double()
    scale = own_scale(hessian)
    scaled = hessian / scale[:, None] / scale
    return bool(torch.isfinite(scaled).all()) and float(torch.linalg.eigvalsh(scaled)[0]) < -BENT
