"""Linear systems by products with their matrix only."""

from collections.abc import Callable

import torch
from torch import Tensor

from lightning_modules.solvers.cholesky import SingularCurvatureError


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
