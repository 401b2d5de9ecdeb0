"""Linear systems with a symmetric positive definite matrix, in float64, refused when they are not."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from lightning_modules.objectives import undivided


class SingularCurvatureError(ArithmeticError):
    """The curvature is singular or not positive definite to working precision: no descent direction follows from it."""


class Cholesky(NamedTuple):
    """A positive definite matrix D LLᵀ D, ready to be divided by.

    Attributes:
        factor: L (p, p), lower triangular.
        scale: 1/D (p,), the inverse roots of the matrix's diagonal.
    """

    factor: Tensor
    scale: Tensor

    def solve(self, rhs: Tensor) -> Tensor:
        """The matrix's inverse times `rhs`: (p,) -> (p,), in float64."""
        with undivided():
            return self.scale * torch.cholesky_solve((self.scale * rhs.double())[:, None], self.factor)[:, 0]


def cholesky(matrix: Tensor) -> Cholesky:
    """Factorise a matrix (p, p), in float64.

    A factorisation that runs through proves nothing about a singular matrix: rounding makes its last pivots positive as
    often as not. So the matrix is first scaled to a unit diagonal, which takes the units out, and a smallest eigenvalue at
    rounding level is refused. The smallest pivot would not do instead: where the columns before it are nearly dependent
    too, rounding lifts the pivot of a dependent column far above its own level.

    Raises:
        SingularCurvatureError: the matrix is singular or indefinite to working precision.
    """
    matrix = matrix.double()
    diagonal = matrix.diagonal()
    rounding = 10 * len(matrix) * torch.finfo(torch.float64).eps
    if bool((diagonal > 0).all()) and bool(torch.isfinite(matrix).all()):
        scale = diagonal.rsqrt()
        factor, info = torch.linalg.cholesky_ex(scale[:, None] * matrix * scale)
        if info == 0 and _smallest_eigenvalue(factor) > rounding:
            return Cholesky(factor, scale)
    raise SingularCurvatureError(
        f"the {len(matrix)} × {len(matrix)} curvature matrix is singular or not positive definite to working precision: "
        "use damping='adaptive', a damping > 0 or an l2 > 0, or remove redundant features"
    )


def _smallest_eigenvalue(factor: Tensor) -> Tensor:
    """Of LLᵀ, L the factor (p, p): an estimate from above by inverse iteration, started at the smallest pivot.

    Started there its first step already falls to that pivot. Source: Golub and Van Loan, Matrix Computations, section 7.6.1.
    """
    v = torch.zeros_like(factor[0])
    v[factor.diagonal().argmin()] = 1.0
    for _ in range(3):
        image = torch.cholesky_solve(v[:, None], factor)[:, 0]
        v = image / image.norm()
    return 1 / image.norm()


def conjugate_gradients(
    product: Callable[[Tensor], Tensor],
    rhs: Tensor,
    preconditioner: Callable[[Tensor], Tensor],
    tolerance: float,
    max_iterations: int,
    in_energy: bool = False,
) -> Tensor:
    """Solve A x = `rhs` approximately with products v → Av only: (p,) -> (p,).

    Preconditioned conjugate gradients, Nocedal and Wright, Numerical Optimization, 2nd ed. (2006), algorithm 5.3, started
    at 0 and stopped as in algorithm 7.1: at ‖Ax − b‖ ≤ `tolerance` ‖b‖, or where a direction of no curvature appears.
    Every iterate after the first is a descent direction for −b, however early it stops.

    Args:
        product: v (p,) -> Av (p,), A symmetric.
        rhs: b (p,).
        preconditioner: r (p,) -> P⁻¹r (p,), P an approximation of A.
        tolerance: on the residual relative to b.
        max_iterations: bound on the number of products.
        in_energy: whether the residual is measured by the preconditioner, √(rᵀP⁻¹r) against √(bᵀP⁻¹b): an estimate of the
            error in the norm of A, which is what the decrement bᵀA⁻¹b needs.

    Raises:
        SingularCurvatureError: the very first direction has no positive curvature.
    """
    x, residual = torch.zeros_like(rhs), -rhs
    y = preconditioner(residual)
    direction, ry = -y, residual @ y
    first = ry
    for iteration in range(max_iterations):
        if (ry <= tolerance**2 * first) if in_energy else (residual.norm() <= tolerance * rhs.norm()):
            break
        image = product(direction)
        curvature = direction @ image
        if not curvature > torch.finfo(rhs.dtype).eps * direction.norm() * image.norm():
            if iteration == 0:
                raise SingularCurvatureError(
                    "the curvature along the preconditioned gradient is not positive: use damping='adaptive' or a damping > 0"
                )
            break
        alpha = ry / curvature
        x = x + alpha * direction
        residual = residual + alpha * image
        y = preconditioner(residual)
        ry, previous = residual @ y, ry
        direction = -y + ry / previous * direction
    return x
