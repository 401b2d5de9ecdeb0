"""C as a Kronecker product of two small matrices, plus a ridge."""

import torch
from torch import Tensor

from lightning_modules.solvers.solver import Solver


class KroneckerSolver(Solver):
    """C = S (A ⊗ B) S + ridge · I for vectors that are matrices R (K, s) row by row, S = diag(a ⊗ t) their scale.

    With A = U diag(α) Uᵀ and B = V diag(β) Vᵀ,  (C + R)⁻¹ r = S⁻¹ U [(Uᵀ S⁻¹r V)_kj / (α_k β_j + ρ)] Vᵀ S⁻¹, where ρ is the
    mean of what the ridges are in the scale S: exact where that is one number. Where the divisor is 0 to rounding the answer
    is 0 as well.

    Args:
        outer: a A a (K, K), symmetric positive semidefinite.
        eigenvalues: β (s,) of B.
        eigenvectors: V (s, s) of B, as columns.
        ridge: ≥ 0.
        order: takes a vector laid out row by row to the layout of r (p,), p = K s.
        scale: t (s,), by which rows and columns of the second factor were divided; None where they were not, then a = 1.
    """

    def __init__(
        self,
        outer: Tensor,
        eigenvalues: Tensor,
        eigenvectors: Tensor,
        ridge: float,
        order: Tensor,
        scale: Tensor | None = None,
    ) -> None:
        sizes = torch.ones_like(outer[0]) if scale is None else outer.diagonal().sqrt()
        sizes = torch.where(sizes > 0, sizes, 1.0)
        outer_values, self.outer_vectors = torch.linalg.eigh(outer / sizes[:, None] / sizes)
        self.eigenvectors, self.order, self.ridge = eigenvectors, order, ridge
        self.scale = sizes[:, None] * (torch.ones_like(eigenvalues) if scale is None else scale)
        self.spectrum = outer_values.clamp_min(0)[:, None] * eigenvalues.clamp_min(0)

    def solve(self, rhs: Tensor, ridge: Tensor | float) -> Tensor:
        ridges = self._rows(ridge.to(self.scale)) if isinstance(ridge, Tensor) else ridge
        spectrum = self.spectrum + ((self.ridge + ridges) / self.scale.square()).mean()
        rounding = 10 * len(self.eigenvectors) * torch.finfo(spectrum.dtype).eps * spectrum.max()
        inverse = torch.where(spectrum > rounding, 1 / spectrum, 0).to(rhs)
        u, v, scale = self.outer_vectors.to(rhs), self.eigenvectors.to(rhs), self.scale.to(rhs)
        return (u @ (u.T @ (self._rows(rhs) / scale) @ v * inverse) @ v.T / scale).flatten()[self.order]

    def quadratic_form(self, s: Tensor) -> Tensor:
        u, v, rows = self.outer_vectors.to(s), self.eigenvectors.to(s), self._rows(s)
        coordinates = u.T @ (rows * self.scale.to(s)) @ v
        return (coordinates.square() * self.spectrum.to(s)).sum() + self.ridge * s.square().sum()

    def diagonal(self) -> Tensor:
        diagonal = self.outer_vectors.square() @ self.spectrum @ self.eigenvectors.square().T
        return (self.scale.square() * diagonal + self.ridge).flatten()[self.order]

    def _rows(self, r: Tensor) -> Tensor:
        """R: (p,) -> (K, s)."""
        rows = torch.empty_like(r)
        rows[self.order] = r
        return rows.view(self.scale.shape)
