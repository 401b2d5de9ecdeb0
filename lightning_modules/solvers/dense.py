"""C as a matrix."""

import torch
from torch import Tensor

from lightning_modules.solvers.cholesky import Cholesky, cholesky
from lightning_modules.solvers.solver import Solver


def completed(matrix: Tensor, invariant: Tensor) -> Tensor:
    """C + V (Vᵀ diag(C) V) Vᵀ in float64, V orthonormal directions (p, k) along which the loss never changes.

    C and the gradient are zero there, so this makes C regular and leaves the solution of C x = g alone. What is added is of
    the size that C has in the entries of the direction, so that in other units of a parameter it is the same.
    """
    matrix, invariant = matrix.double(), invariant.double()
    if invariant.shape[1] == 0:
        return matrix
    size = invariant.T @ (matrix.diagonal().abs()[:, None] * invariant)
    return matrix + invariant @ size @ invariant.T


class DenseSolver(Solver):
    """C as a matrix, solved by Cholesky's factorisation.

    Args:
        matrix: (p, p), symmetric.
        invariant: orthonormal directions (p, k) along which the loss never changes, see `completed`.
        absolute: whether an indefinite C is replaced by |C|: with C scaled to a diagonal of ±1, the matrix with the same
            eigenvectors and the absolute eigenvalues. A step −|C|⁻¹g goes down along directions of negative curvature too,
            where −C⁻¹g goes up to a saddle (Dauphin et al., Identifying and attacking the saddle point problem (2014),
            section 5).
        awaited: whether a device is waited for to learn that C + R is singular. If not, the solution is nan then.
    """

    is_exact = True

    def __init__(self, matrix: Tensor, invariant: Tensor, absolute: bool = False, awaited: bool = True) -> None:
        self.matrix, self.awaited = matrix.double(), awaited
        if absolute and not is_definite(completed(self.matrix, invariant)):
            self.matrix = absolute_values(self.matrix)
        self._completed = completed(self.matrix, invariant)
        self._last: tuple[Tensor | float, Cholesky] | None = None

    def solve(self, rhs: Tensor, ridge: Tensor | float) -> Tensor:
        # To find a damping, two systems in turn are solved with the same one.
        if self._last is None or self._last[0] is not ridge:
            self._last = ridge, self.factorised(ridge)
        return self._last[1].solve(rhs)

    def factorised(self, ridge: Tensor | float) -> Cholesky:
        """C + diag(ridge), for many right-hand sides; errors as in `solve`."""
        damped = self._completed
        if isinstance(ridge, Tensor) or ridge:
            damped = damped.clone()
            damped.diagonal().add_(ridge)
        return cholesky(damped, self.awaited)

    def quadratic_form(self, s: Tensor) -> Tensor:
        s = s.double()
        return s @ (self.matrix @ s)

    def diagonal(self) -> Tensor:
        return self.matrix.diagonal()

    def regular_matrix(self) -> Tensor:
        return self._completed


def is_definite(matrix: Tensor) -> Tensor:
    """Whether a symmetric matrix (p, p) is positive definite, as far as a factorisation that runs through can tell: ()."""
    return torch.linalg.cholesky_ex(matrix).info == 0


def own_scale(matrix: Tensor) -> Tensor:
    """Roots of |diag C| of a symmetric C (p, p), by which its rows and columns are divided so that no units are left: (p,)."""
    scale = matrix.diagonal().abs()
    # Where the diagonal is 0, the least that would make its 2 × 2 minors semidefinite is in the same units; else nothing is.
    lent = (matrix.square() / torch.where(scale > 0, scale, torch.inf)).amax(1)
    scale = torch.where(scale > 0, scale, torch.where(lent > 0, lent, matrix.abs().amax(0)))
    return torch.where(scale > 0, scale, 1).sqrt()


def absolute_values(matrix: Tensor) -> Tensor:
    """|C| of a symmetric C (p, p), in the parameters' own scale, see `DenseSolver`."""
    scale = own_scale(matrix)
    eigenvalues, vectors = torch.linalg.eigh(matrix / scale[:, None] / scale)
    vectors = scale[:, None] * vectors
    return (vectors * eigenvalues.abs()) @ vectors.T
