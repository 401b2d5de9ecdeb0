"""What every way to solve a system with a symmetric matrix offers."""

from abc import ABC, abstractmethod

from torch import Tensor


class Solver(ABC):
    """A symmetric p × p matrix C, in a form in which (C + μI) x = b is solved.

    C is a curvature, for the model  f(θ + s) ≈ f(θ) + gᵀs + ½ sᵀCs,  or a cheap approximation of one, which makes conjugate
    gradients converge in fewer products (a preconditioner: Nocedal and Wright, Numerical Optimization, 2nd ed. (2006),
    section 5.1).
    """

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
        """Mean of the diagonal of C, the natural unit of the damping μ."""

    def extreme_eigenvalues(self) -> tuple[float, float] | None:
        """Smallest and largest eigenvalue of C, or None where they are not at hand."""
        return None
