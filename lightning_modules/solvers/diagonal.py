"""C as its diagonal."""

import torch
from torch import Tensor

from lightning_modules.solvers.cholesky import SingularCurvatureError
from lightning_modules.solvers.solver import Solver


class DiagonalSolver(Solver):
    """C as its diagonal.

    Args:
        diagonal: (p,).
        awaited: whether the device may be waited for to answer whether the diagonal is positive. If not, a singular one
            gives a step of nan, after which the loss is not finite.
    """

    def __init__(self, diagonal: Tensor, awaited: bool = True) -> None:
        self._diagonal, self.awaited = diagonal.double(), awaited

    def solve(self, rhs: Tensor, ridge: Tensor | float) -> Tensor:
        damped = self._diagonal + ridge
        singular = ~(damped > 0)
        if not self.awaited:
            return rhs.double() / damped.masked_fill(singular, torch.nan)
        if bool(singular.any()):
            raise SingularCurvatureError(
                f"{int(singular.sum())} of {len(damped)} entries of the curvature diagonal are not positive "
                f"(smallest {damped.min().item():.3g}): use damping='adaptive' or a damping > 0"
            )
        return rhs.double() / damped

    def quadratic_form(self, s: Tensor) -> Tensor:
        return self._diagonal @ s.double().square()

    def diagonal(self) -> Tensor:
        return self._diagonal


class JacobiSolver(Solver):
    """|diag C| as a preconditioner, named after Jacobi: it always has an answer, an entry of 0 is taken for 1.

    Args:
        diagonal: of C (p,).
    """

    def __init__(self, diagonal: Tensor) -> None:
        self._diagonal = diagonal.abs()

    def solve(self, rhs: Tensor, ridge: Tensor | float) -> Tensor:
        damped = self._diagonal + ridge
        return rhs / torch.where(damped > 0, damped, 1.0).to(rhs)

    def quadratic_form(self, s: Tensor) -> Tensor:
        return self._diagonal @ s.square()

    def diagonal(self) -> Tensor:
        return self._diagonal
