"""The curvature at one point, as a matrix, as a diagonal, or as products only.

Each can solve (C + μI) x = b, give the quadratic form sᵀCs of its own model of the loss, and say how large it is on
average, which is the natural unit of the damping μ.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor

from lightning_modules.objectives import Preconditioner, runs_ahead
from lightning_modules.optimizers.solve import Cholesky, SingularCurvatureError, cholesky, conjugate_gradients


class Curvature(ABC):
    """A symmetric p × p matrix C at a point, for the model  f(θ + s) ≈ f(θ) + gᵀs + ½ sᵀCs."""

    @abstractmethod
    def solve(self, rhs: Tensor, damping: float) -> Tensor:
        """(C + damping · I)⁻¹ rhs: (p,) -> (p,).

        Raises:
            SingularCurvatureError: C + damping · I is not positive definite.
        """

    @abstractmethod
    def quadratic_form(self, s: Tensor) -> Tensor:
        """sᵀCs: (p,) -> ()."""

    @abstractmethod
    def mean(self) -> float:
        """Mean of the diagonal of C."""

    def extreme_eigenvalues(self) -> tuple[float, float] | None:
        """Smallest and largest eigenvalue of C, or None where only products are known."""
        return None


class DenseCurvature(Curvature):
    """C as a matrix.

    Args:
        matrix: (p, p), symmetric.
        invariant: orthonormal directions (p, k) along which the loss never changes. C and the gradient are zero there, so
            adding a multiple of their projector makes C regular and leaves the solution alone.
    """

    def __init__(self, matrix: Tensor, invariant: Tensor) -> None:
        self.matrix, self.invariant = matrix.double(), invariant.double()
        self._completed = self.matrix + self.mean() * (self.invariant @ self.invariant.T)

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


class AbsoluteCurvature(DenseCurvature):
    """|C|, the matrix with the same eigenvectors and the absolute eigenvalues, where C is indefinite; C where it is not.

    A step −|C|⁻¹g goes down along directions of negative curvature too, where −C⁻¹g goes up to a saddle.
    Source: Dauphin et al., Identifying and attacking the saddle point problem (2014), section 5.

    Args:
        matrix, invariant: as in `DenseCurvature`.
    """

    def __init__(self, matrix: Tensor, invariant: Tensor) -> None:
        super().__init__(matrix, invariant)
        if int(torch.linalg.cholesky_ex(self._completed).info) != 0:
            eigenvalues, vectors = torch.linalg.eigh(self.matrix)
            super().__init__((vectors * eigenvalues.abs()) @ vectors.T, invariant)


class DiagonalCurvature(Curvature):
    """C as its diagonal.

    Args:
        diagonal: (p,).
        awaited: whether to wait, on a device that the host runs ahead of, for the answer whether it is positive.
    """

    def __init__(self, diagonal: Tensor, awaited: bool = True) -> None:
        self.diagonal, self.awaited = diagonal.double(), awaited

    def solve(self, rhs: Tensor, damping: float) -> Tensor:
        damped = self.diagonal + damping
        singular = ~(damped > 0)
        if runs_ahead(damped) and not self.awaited:
            return rhs.double() / damped.masked_fill(singular, torch.nan)  # the next loss is not finite, and refused
        if bool(singular.any()):
            raise SingularCurvatureError(
                f"{int(singular.sum())} of {len(damped)} entries of the curvature diagonal are not positive "
                f"(smallest {damped.min().item():.3g}): use damping='adaptive' or a damping > 0"
            )
        return rhs.double() / damped

    def quadratic_form(self, s: Tensor) -> Tensor:
        return self.diagonal @ s.double().square()

    def mean(self) -> float:
        return float(self.diagonal.mean())


class MatrixFreeCurvature(Curvature):
    """C as a product, solved by preconditioned conjugate gradients.

    Args:
        product: v (p,) -> Cv (p,).
        preconditioner: a cheap approximation of C.
        invariant: as in `DenseCurvature`; the preconditioner mixes these directions in, and they are taken out again.
        tolerance: on the relative residual of the solution.
    """

    def __init__(
        self, product: Callable[[Tensor], Tensor], preconditioner: Preconditioner, invariant: Tensor, tolerance: float
    ) -> None:
        self.product, self.preconditioner, self.invariant, self.tolerance = product, preconditioner, invariant, tolerance

    def solve(self, rhs: Tensor, damping: float) -> Tensor:
        x = conjugate_gradients(
            lambda v: self.product(v) + damping * v,
            rhs,
            lambda r: self.preconditioner.solve(r, damping),
            self.tolerance,
            2 * len(rhs),
        )
        return x - self.invariant @ (self.invariant.T @ x)

    def quadratic_form(self, s: Tensor) -> Tensor:
        return s @ self.product(s)

    def mean(self) -> float:
        return self.preconditioner.mean()
