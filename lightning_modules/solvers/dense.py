"""C as a matrix."""

import torch
from torch import Tensor

from lightning_modules.solvers.cholesky import Cholesky, cholesky
from lightning_modules.solvers.solver import Solver


def completed(matrix: Tensor, invariant: Tensor) -> Tensor:
    """C + mean(diag C) · V Vᵀ in float64, V orthonormal directions (p, k) along which the loss never changes.

    C and the gradient are zero there, so this makes C regular and leaves the solution of C x = g alone.
    """
    matrix, invariant = matrix.double(), invariant.double()
    return matrix + matrix.diagonal().mean() * (invariant @ invariant.T)


class DenseSolver(Solver):
    """C as a matrix, solved by Cholesky's factorisation.

    Args:
        matrix: (p, p), symmetric.
        invariant: orthonormal directions (p, k) along which the loss never changes, see `completed`.
        absolute: whether an indefinite C is replaced by |C|, the matrix with the same eigenvectors and the absolute
            eigenvalues. A step −|C|⁻¹g goes down along directions of negative curvature too, where −C⁻¹g goes up to a saddle
            (Dauphin et al., Identifying and attacking the saddle point problem (2014), section 5).
    """

    def __init__(self, matrix: Tensor, invariant: Tensor, absolute: bool = False) -> None:
        self.matrix = matrix.double()
        self._completed = completed(self.matrix, invariant)
        if absolute and int(torch.linalg.cholesky_ex(self._completed).info) != 0:
            eigenvalues, vectors = torch.linalg.eigh(self.matrix)
            self.matrix = (vectors * eigenvalues.abs()) @ vectors.T
            self._completed = completed(self.matrix, invariant)

    def solve(self, rhs: Tensor, damping: float) -> Tensor:
        return self.factorised(damping).solve(rhs)

    def factorised(self, damping: float) -> Cholesky:
        """C + damping · I, for many right-hand sides; errors as in `solve`."""
        damped = self._completed
        if damping:
            damped = damped.clone()
            damped.diagonal().add_(damping)
        return cholesky(damped)

    def quadratic_form(self, s: Tensor) -> Tensor:
        s = s.double()
        return s @ (self.matrix @ s)

    def mean(self) -> float:
        return float(self.matrix.diagonal().mean())

    def extreme_eigenvalues(self) -> tuple[float, float]:
        """Of C without the invariant directions, where it is zero by construction."""
        eigenvalues = torch.linalg.eigvalsh(self._completed)
        return float(eigenvalues[0]), float(eigenvalues[-1])
