"""Linear systems by products with their matrix only."""

from collections.abc import Callable

import torch
from torch import Tensor

from lightning_modules.devices import asked, is_asynchronous
from lightning_modules.solvers.cholesky import SingularCurvatureError


def conjugate_gradients(
    product: Callable[[Tensor], Tensor],
    rhs: Tensor,
    preconditioner: Callable[[Tensor], Tensor],
    tolerance: float,
    max_iterations: int,
) -> Tensor:
    """Solve A x = `rhs` approximately with products v → Av only: (p,) -> (p,).

    Preconditioned conjugate gradients, Nocedal and Wright, Numerical Optimization, 2nd ed. (2006), algorithm 5.3, started
    at 0 and stopped as in algorithm 7.1, where the residual has fallen to `tolerance`, or where a direction of no curvature
    appears. Every iterate after the first is a descent direction for −b, however early it stops. The residual is measured by
    the preconditioner, √(rᵀP⁻¹r) against √(bᵀP⁻¹b): an estimate of the error in the norm of A, which knows no units.

    Args:
        product: v (p,) -> Av (p,), A symmetric.
        rhs: b (p,).
        preconditioner: r (p,) -> P⁻¹r (p,), P an approximation of A, in the same units.
        tolerance: on the residual relative to b.
        max_iterations: bound on the number of products.

    Raises:
        SingularCurvatureError: the very first direction has no positive curvature.
    """
    x, residual = torch.zeros_like(rhs), -rhs
    y = preconditioner(residual)
    direction, ry = -y, residual @ y
    first = ry
    is_reached = asked(ry <= tolerance**2 * first)
    for iteration in range(max_iterations):
        if (iteration > 0 or not is_asynchronous(rhs)) and is_reached:
            break
        image = product(direction)
        curvature = direction @ image
        # As seen by P, in whose norm the direction is at least as long as the residual.
        is_bent = asked(curvature > torch.finfo(rhs.dtype).eps * ry)
        alpha = ry / curvature
        ahead = x + alpha * direction
        residual = residual + alpha * image
        y = preconditioner(residual)
        ry, previous = residual @ y, ry
        # One look at a device for each product, the iterate after it being computed before it is known whether it counts.
        was_reached, is_reached = is_reached, asked(ry <= tolerance**2 * first)
        if iteration == 0 and was_reached:
            break
        if not is_bent:
            if iteration == 0:
                raise SingularCurvatureError(
                    "the curvature along the preconditioned gradient is not positive: use damping='adaptive' or a damping > 0"
                )
            break
        x, direction = ahead, -y + ry / previous * direction
    return x
