"""Where a run ended, said honestly: at the optimum, short of it, or on a problem that has none."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from lightning_modules.objectives import Degeneracy, Objective
from lightning_modules.optimizers.newton_decrement import DENSE_PARAMETERS, NewtonDecrement, newton_decrement

Status = Literal["converged", "separated", "rank_deficient", "stalled", "budget", "stopped"]


def default_tolerance(dtype: torch.dtype) -> float:
    """ε^⅔, ε the rounding of a floating type: 3.7e-11 for float64, 2.4e-5 for float32."""
    return torch.finfo(dtype).eps ** (2 / 3)


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
    """

    status: Status
    message: str
    gradient_max: float
    newton_decrement: float
    direction: Tensor | None = None
    columns: tuple[int, ...] = ()
    distance: float | None = None


@torch.no_grad()
def diagnose(objective: Objective, theta: Tensor, tolerance: float | None = None, stalled: bool = False) -> Convergence:
    """Judge θ (p,) as a minimiser of the objective over *all* training rows.

    A small gradient alone is no proof: on separated classes it falls below any tolerance on the way to infinity. So
    `converged` also asks the objective whether a minimiser near θ is certain.

    Args:
        objective: the loss over all training rows.
        theta: parameters (p,).
        tolerance: on ‖∇‖∞ and λ²/2; by default as in `CurvatureOptimizer`.
        stalled: whether the method gave up because no step decreased the loss.
    """
    if tolerance is None:
        tolerance = default_tolerance(theta.dtype)
    point = objective.at_full_precision(theta)
    theta, gradient = point.theta, point.gradient
    gradient_max = float(gradient.abs().max())
    if gradient_max > tolerance and (len(theta) > DENSE_PARAMETERS or not objective.is_convex):
        # The verdict is known, and the decrement would cost more than many an epoch.
        decrement = NewtonDecrement(float("nan"), torch.zeros_like(theta), None)
    else:
        decrement = newton_decrement(point, gradient)
    root = math.sqrt(max(decrement.squared, 0.0))  # max keeps a nan that comes first
    measured = f"largest gradient entry {gradient_max:.1e}" + ("" if math.isnan(root) else f", Newton decrement {root:.1e}")
    distance = objective.distance_bound(theta, gradient, decrement.hessian)
    if distance is not None and distance < math.inf:
        measured += f", at most {distance:.1e} from the optimum"
    optimal = gradient_max <= tolerance and decrement.squared / 2 <= tolerance
    status: Status
    fact: Degeneracy | None = None
    if optimal and objective.attains_minimum(theta, root, decrement.hessian):
        status, message = "converged", f"at the optimum to tolerance {tolerance:.1e}: {measured}"
    elif (fact := objective.degeneracy(theta, decrement.direction)) is not None:
        status, message = fact.kind, f"{fact.message}; {measured}"
    elif optimal:
        status, message = "budget", f"nearly flat, but no proof that an optimum exists nearby; {measured}"
    elif stalled:
        status = "stalled"
        message = f"no step decreases the loss any further, short of tolerance {tolerance:.1e}; {measured}"
    else:
        status, message = "budget", f"ended before the optimum; {measured}, tolerance {tolerance:.1e}"
    direction, columns = (None, ()) if fact is None else (fact.direction, fact.columns)
    return Convergence(status, message, gradient_max, root, direction, columns, distance)
