"""What every way to solve a system with a symmetric matrix offers."""

from abc import ABC, abstractmethod

from torch import Tensor


class Solver(ABC):
    """A symmetric p × p matrix C, in a form in which (C + R) x = b is solved, R a diagonal.

    C is a curvature, for the model  f(θ + s) ≈ f(θ) + gᵀs + ½ sᵀCs,  or a cheap approximation of one, which makes conjugate
    gradients converge in fewer products (a preconditioner: Nocedal and Wright, Numerical Optimization, 2nd ed. (2006),
    section 5.1).

    Attributes:
        is_exact: whether solutions are those of C itself, to rounding, for every ridge: where the length of a step decides on
            its damping, systems with several of them are compared.
    """

    is_exact = False

    @abstractmethod
    def solve(self, rhs: Tensor, ridge: Tensor | float) -> Tensor:
        """(C + diag(ridge))⁻¹ rhs: (p,) -> (p,).

        Args:
            rhs: b (p,).
            ridge: R's diagonal (p,), or one number for all of it; ≥ 0.

        Raises:
            SingularCurvatureError: C + R is not positive definite.
        """

    @abstractmethod
    def quadratic_form(self, s: Tensor) -> Tensor:
        """sᵀCs: (p,) -> ()."""

    @abstractmethod
    def diagonal(self) -> Tensor:
        """Diagonal of C (p,), or an estimate of it: what each parameter's own scale follows from."""

    def regular_matrix(self) -> Tensor | None:
        """C (p, p), regular also along directions that change nothing, for its spectrum; None where no matrix is at hand."""
        return None
