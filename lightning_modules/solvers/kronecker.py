"""C as a Kronecker product of two small matrices, plus a ridge."""

import torch
from torch import Tensor

from lightning_modules.solvers.solver import Solver


class KroneckerSolver(Solver):
    """C = A ⊗ B + ridge · I for vectors that are matrices R (K, s) row by row: C r = A R B + ridge · R.

    With A = U diag(α) Uᵀ and B = V diag(β) Vᵀ,  (C + μI)⁻¹ r = U [(Uᵀ R V)_kj / (α_k β_j + ridge + μ)] Vᵀ.
    Where the divisor is 0 to rounding the answer is 0 as well.

    Args:
        outer: A (K, K), symmetric positive semidefinite.
        eigenvalues: β (s,) of B.
        eigenvectors: V (s, s) of B, as columns.
        ridge: ≥ 0.
        order: takes a vector laid out row by row to the layout of r (p,), p = K s.
    """

    def __init__(self, outer: Tensor, eigenvalues: Tensor, eigenvectors: Tensor, ridge: float, order: Tensor) -> None:
        outer_values, self.outer_vectors = torch.linalg.eigh(outer)
        self.eigenvectors, self.order = eigenvectors, order
        self.spectrum = outer_values.clamp_min(0)[:, None] * eigenvalues.clamp_min(0) + ridge

    def solve(self, rhs: Tensor, damping: float) -> Tensor:
        spectrum = self.spectrum + damping
        rounding = 10 * len(self.eigenvectors) * torch.finfo(spectrum.dtype).eps * spectrum.max()
        inverse = torch.where(spectrum > rounding, 1 / spectrum, 0).to(rhs)
        u, v = self.outer_vectors.to(rhs), self.eigenvectors.to(rhs)
        return (u @ (self._coordinates(rhs) * inverse) @ v.T).flatten()[self.order]

    def quadratic_form(self, s: Tensor) -> Tensor:
        return (self._coordinates(s).square() * self.spectrum.to(s)).sum()

    def mean(self) -> float:
        return float(self.spectrum.mean())

    def _coordinates(self, r: Tensor) -> Tensor:
        """Uᵀ R V: (p,) -> (K, s)."""
        rows = torch.empty_like(r)
        rows[self.order] = r
        return self.outer_vectors.to(r).T @ rows.view(self.spectrum.shape) @ self.eigenvectors.to(r)
