"""C as products with it only."""

from collections.abc import Callable

from torch import Tensor

from lightning_modules.solvers.conjugate_gradients import conjugate_gradients
from lightning_modules.solvers.solver import Solver


class MatrixFreeSolver(Solver):
    """C as a product, solved by preconditioned conjugate gradients.

    Args:
        product: v (p,) -> Cv (p,).
        preconditioner: a cheap approximation of C.
        invariant: orthonormal directions (p, k) along which the loss never changes; the preconditioner mixes them in, and they
            are taken out again.
        tolerance: on the residual of the solution relative to the right-hand side, in the norm of the preconditioner.
    """

    def __init__(
        self, product: Callable[[Tensor], Tensor], preconditioner: Solver, invariant: Tensor, tolerance: float
    ) -> None:
        self.product, self.preconditioner, self.invariant, self.tolerance = product, preconditioner, invariant, tolerance

    def solve(self, rhs: Tensor, ridge: Tensor | float) -> Tensor:
        ridge = ridge.to(rhs) if isinstance(ridge, Tensor) else ridge
        x = conjugate_gradients(
            lambda v: self.product(v) + ridge * v,
            rhs,
            lambda r: self.preconditioner.solve(r, ridge),
            self.tolerance,
            2 * len(rhs),
        )
        return x - self.invariant @ (self.invariant.T @ x)

    def quadratic_form(self, s: Tensor) -> Tensor:
        return s @ self.product(s)

    def diagonal(self) -> Tensor:
        return self.preconditioner.diagonal()
