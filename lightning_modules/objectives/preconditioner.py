"""Cheap approximations P ≈ C of a curvature matrix, which make conjugate gradients on C converge in fewer products."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor


class Preconditioner(ABC):
    """A symmetric positive semidefinite p × p matrix P whose systems are easy to solve.

    Source: Nocedal and Wright, Numerical Optimization, 2nd ed. (2006), section 5.1, "Preconditioning".
    """

    @abstractmethod
    def solve(self, rhs: Tensor, damping: float) -> Tensor:
        """(P + damping · I)⁺ rhs: (p,) -> (p,)."""

    @abstractmethod
    def mean(self) -> float:
        """Mean of the diagonal of P."""


class DiagonalPreconditioner(Preconditioner):
    """P = |diag C|.

    Args:
        diagonal: of C (p,).
    """

    def __init__(self, diagonal: Tensor) -> None:
        self.diagonal = diagonal.abs()

    def solve(self, rhs: Tensor, damping: float) -> Tensor:
        floor = torch.finfo(rhs.dtype).eps * self.diagonal.max() + damping
        return rhs / (self.diagonal + damping).clamp_min(float(floor) or 1.0)

    def mean(self) -> float:
        return float(self.diagonal.mean())


class KroneckerPreconditioner(Preconditioner):
    """P = A ⊗ B + ridge · I for vectors that are matrices R (K, s) row by row: P r = A R B + ridge · R.

    With A = U diag(α) Uᵀ and B = V diag(β) Vᵀ,  (P + μI)⁻¹ r = U [(Uᵀ R V)_kj / (α_k β_j + ridge + μ)] Vᵀ.
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
        rows = torch.empty_like(rhs)
        rows[self.order] = rhs
        spectrum = self.spectrum + damping
        rounding = 10 * len(self.eigenvectors) * torch.finfo(spectrum.dtype).eps * spectrum.max()
        inverse = torch.where(spectrum > rounding, 1 / spectrum, 0).to(rhs)
        u, v = self.outer_vectors.to(rhs), self.eigenvectors.to(rhs)
        return (u @ ((u.T @ rows.view(spectrum.shape) @ v) * inverse) @ v.T).flatten()[self.order]

    def mean(self) -> float:
        return float(self.spectrum.mean())
