"""Where a run ended, said honestly: at the optimum, short of it, or on a problem that has none."""

import math
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from lightning_modules.objectives import Degeneracy, GLMObjective, Objective
from lightning_modules.optimizers.distance_bound import distance_bound
from lightning_modules.optimizers.solve import SingularCurvatureError, cholesky, conjugate_gradients

# Up to here the Hessian is formed and factorised to judge a point; above, products have to do. For a method that only asks
# whether to go on, and on a convex loss, they do from where they are faster (`benchmark.py scaling`).
DENSE_PARAMETERS, DENSE_DECISION = 2048, 512
MOST_PRODUCTS = 200

Status = Literal["converged", "separated", "rank_deficient", "stalled", "budget"]


def default_tolerance(dtype: torch.dtype) -> float:
    """ε^⅔, ε the rounding of a floating type: 3.7e-11 for float64, 2.4e-5 for float32."""
    return torch.finfo(dtype).eps ** (2 / 3)


@dataclass(frozen=True)
class NewtonDecrement:
    """λ² = gᵀH⁻¹g: twice the decrease that the quadratic model at θ still promises.

    Attributes:
        squared: λ²; infinite where H does not have a descent direction for g, or none was found with the products allowed.
        direction: the Newton step −H⁻¹g (p,).
        hessian: H (p, p), regular also along directions that change nothing; None if it is singular or too large to form.
    """

    squared: float
    direction: Tensor
    hessian: Tensor | None


def newton_decrement(objective: Objective, theta: Tensor, gradient: Tensor, most_dense: int | None = None) -> NewtonDecrement:
    """Newton decrement at θ (p,) for the gradient g (p,) there, by the Hessian itself up to `most_dense` parameters.

    On a singular Hessian the decrement of the pseudo-inverse is meant: g has no part in the null space of a convex loss's
    Hessian as long as that null space is common to all rows.
    """
    if len(theta) > (DENSE_PARAMETERS if most_dense is None else most_dense):
        preconditioner = partial(objective.hessian_preconditioner(theta).solve, damping=0.0)
        product = partial(objective.hessian_vector_product, theta)
        try:
            # λ² is then known to about a hundredth of itself.
            direction = -conjugate_gradients(product, gradient, preconditioner, 0.1, MOST_PRODUCTS, in_energy=True)
        except SingularCurvatureError:
            return NewtonDecrement(float("inf") if gradient.any() else 0.0, torch.zeros_like(theta), None)
        residual = product(direction) + gradient
        solved = bool(residual @ preconditioner(residual) <= 0.2**2 * (gradient @ preconditioner(gradient)))
        return NewtonDecrement(float(-gradient @ direction) if solved else float("inf"), direction, None)
    # Where an activation jumps there is no Hessian, and its Gauss–Newton part is all the curvature there is.
    hessian = (objective.hessian(theta) if objective.has_hessian else objective.ggn(theta)).double()
    gradient = gradient.double()
    invariant = objective.invariant_directions(theta).double()
    completed = hessian + hessian.diagonal().mean() * (invariant @ invariant.T)
    try:
        direction = -cholesky(completed).solve(gradient)
        return NewtonDecrement(float(-gradient @ direction), direction.to(theta), completed)
    except SingularCurvatureError:
        direction = -_pseudo_solve(completed, gradient)
        return NewtonDecrement(float(-gradient @ direction), direction.to(theta), None)


def _pseudo_solve(matrix: Tensor, rhs: Tensor) -> Tensor:
    """Solution in the span of the eigenvectors with a positive eigenvalue, the matrix scaled to a unit diagonal."""
    diagonal = matrix.diagonal()
    scale = torch.where(diagonal > 0, diagonal, 1).rsqrt()
    eigenvalues, vectors = torch.linalg.eigh(scale[:, None] * matrix * scale)
    kept = eigenvalues > 10 * len(matrix) * torch.finfo(matrix.dtype).eps
    coordinates = vectors[:, kept].T @ (scale * rhs)
    return scale * (vectors[:, kept] @ (coordinates / eigenvalues[kept]))


@dataclass(frozen=True)
class Convergence:
    """The verdict on a point θ.

    Attributes:
        status: `converged` – θ is the minimiser to tolerance, and that a minimiser exists is proven or known;
            `separated` – the classes are separated, the optimum is at infinity;
            `rank_deficient` – features depend linearly on others, the minimiser is not unique;
            `stalled` – no step decreased the loss, yet the tolerance is not met;
            `budget` – the epochs or the time ran out first.
        message: one sentence for the user, with the numbers.
        gradient_max: ‖∇‖∞ at θ.
        newton_decrement: λ at θ; nan far from an optimum where it would cost too much: for many parameters, or a loss
            that is not convex.
        direction: unit direction (p,) that separates the classes; None unless `separated`.
        columns: linearly dependent features; empty unless `rank_deficient`.
        distance: a proven bound on the distance to the optimum, ‖θ* − θ‖₂ (see `distance_bound`); infinite where nothing is
            proved; None for losses other than those of generalised linear models, and for many parameters.
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
    if isinstance(objective, GLMObjective):
        theta = theta.double()  # what is proved below counts every rounding
    gradient = objective.gradient(theta)
    gradient_max = float(gradient.abs().max())
    if gradient_max > tolerance and (len(theta) > DENSE_PARAMETERS or not objective.is_convex):
        # The verdict is known, and the decrement would cost more than many an epoch.
        decrement = NewtonDecrement(float("nan"), torch.zeros_like(theta), None)
    else:
        decrement = newton_decrement(objective, theta, gradient)
    root = math.sqrt(max(decrement.squared, 0.0))  # max keeps a nan that comes first
    measured = f"largest gradient entry {gradient_max:.1e}" + ("" if math.isnan(root) else f", Newton decrement {root:.1e}")
    distance = None
    if isinstance(objective, GLMObjective) and len(theta) <= DENSE_PARAMETERS:
        distance = distance_bound(objective, theta, gradient, decrement.hessian)
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
