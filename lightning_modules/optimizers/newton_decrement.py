"""How much the quadratic model at a point still promises: the Newton decrement."""

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from lightning_modules.objectives import Point
from lightning_modules.solvers import SingularCurvatureError, cholesky, completed, conjugate_gradients

# Up to here the Hessian is formed and factorised to judge a point; above, products have to do. For a method that only asks
# whether to go on, and on a convex loss, they do from where they are faster (`benchmark.py scaling`).
DENSE_PARAMETERS, DENSE_DECISION = 2048, 512
MOST_PRODUCTS = 200


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


def newton_decrement(point: Point, gradient: Tensor, most_dense: int | None = None) -> NewtonDecrement:
    """Newton decrement at a point for a gradient g (p,), by the Hessian itself up to `most_dense` parameters.

    On a singular Hessian the decrement of the pseudo-inverse is meant: g has no part in the null space of a convex loss's
    Hessian as long as that null space is common to all rows.
    """
    objective, theta = point.objective, point.theta
    if len(theta) > (DENSE_PARAMETERS if most_dense is None else most_dense):
        curvature = point.curvature("hessian")
        preconditioner, product = partial(curvature.preconditioner().solve, ridge=0.0), curvature.product
        try:
            # λ² is then known to about a hundredth of itself.
            direction = -conjugate_gradients(product, gradient, preconditioner, 0.1, MOST_PRODUCTS)
        except SingularCurvatureError:
            return NewtonDecrement(float("inf") if gradient.any() else 0.0, torch.zeros_like(theta), None)
        residual = product(direction) + gradient
        solved = bool(residual @ preconditioner(residual) <= 0.2**2 * (gradient @ preconditioner(gradient)))
        return NewtonDecrement(float(-gradient @ direction) if solved else float("inf"), direction, None)
    # Of another gradient, clipped or of more rows, the point knows no step.
    is_own = "gradient" in vars(point) and torch.equal(gradient, point.gradient)
    better = point.newton_step() if is_own else None
    # Where an activation jumps there is no Hessian, and its Gauss–Newton part is all the curvature there is.
    matrix = point.curvature("hessian" if objective.has_hessian else "ggn").matrix()
    hessian, gradient = completed(matrix, objective.invariant_directions(theta)), gradient.double()
    if better is not None:
        return NewtonDecrement(better[1], better[0], hessian)
    try:
        direction = -cholesky(hessian).solve(gradient)
        return NewtonDecrement(float(-gradient @ direction), direction.to(theta), hessian)
    except SingularCurvatureError:
        direction = -_pseudo_solve(hessian, gradient)
        return NewtonDecrement(float(-gradient @ direction), direction.to(theta), None)


def _pseudo_solve(matrix: Tensor, rhs: Tensor) -> Tensor:
    """Solution in the span of the eigenvectors with a positive eigenvalue, the matrix scaled to a unit diagonal."""
    diagonal = matrix.diagonal()
    scale = torch.where(diagonal > 0, diagonal, 1).rsqrt()
    eigenvalues, vectors = torch.linalg.eigh(scale[:, None] * matrix * scale)
    kept = eigenvalues > 10 * len(matrix) * torch.finfo(matrix.dtype).eps
    coordinates = vectors[:, kept].T @ (scale * rhs)
    return scale * (vectors[:, kept] @ (coordinates / eigenvalues[kept]))
