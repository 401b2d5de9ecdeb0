"""Linear systems with a symmetric positive definite matrix, in float64, refused when it is not."""

from contextlib import nullcontext
from typing import NamedTuple

import torch
from torch import Tensor

from lightning_modules.solvers.undivided import undivided

# A factorisation that is done before a second thread would have begun.
SMALL = 64
# Above so many times the rounding an inverse has digits enough to tell that a matrix is regular.
FAR = 1e6


class SingularCurvatureError(ArithmeticError):
    """The curvature is singular or not positive definite to working precision: no descent direction follows from it."""


class Cholesky(NamedTuple):
    """A positive definite matrix D LLᵀ D, ready to be divided by.

    Attributes:
        factor: L (p, p), lower triangular.
        scale: 1/D (p,), the inverse roots of the matrix's diagonal.
    """

    factor: Tensor
    scale: Tensor

    def solve(self, rhs: Tensor) -> Tensor:
        """The matrix's inverse times `rhs`: (p,) -> (p,), in float64."""
        with undivided():
            return self.solve_all(rhs[:, None])[:, 0]

    def solve_all(self, columns: Tensor) -> Tensor:
        """The same of k columns: (p, k) -> (p, k)."""
        scale = self.scale[:, None]
        return scale * torch.cholesky_solve(scale * columns.double(), self.factor)


def cholesky(matrix: Tensor, awaited: bool = True) -> Cholesky:
    """Factorise a matrix (p, p), in float64.

    A factorisation that runs through proves nothing about a singular matrix: rounding makes its last pivots positive as
    often as not. So the matrix is first scaled to a unit diagonal, which takes the units out, and a smallest eigenvalue at
    rounding level is refused. The smallest pivot would not do instead: where the columns before it are nearly dependent
    too, rounding lifts the pivot of a dependent column far above its own level.

    Args:
        matrix: (p, p), symmetric.
        awaited: whether a device is waited for to learn whether it is regular. If not, solutions of a singular one are nan.

    Raises:
        SingularCurvatureError: the matrix is singular or indefinite to working precision.
    """
    matrix = matrix.double()
    diagonal = matrix.diagonal()
    rounding = 10 * len(matrix) * torch.finfo(torch.float64).eps
    is_sound = (diagonal > 0).all() & torch.isfinite(matrix).all()
    if matrix.device.type != "cpu" or is_sound:  # of another device it is not known yet
        scale = diagonal.rsqrt()
        with undivided() if len(matrix) <= SMALL else nullcontext():
            factor, info = torch.linalg.cholesky_ex(scale[:, None] * matrix * scale)
        is_sound = is_sound & (info == 0) & _is_regular(factor, rounding)
        if not awaited:
            return Cholesky(factor, torch.where(is_sound, scale, torch.nan))
        if is_sound:
            return Cholesky(factor, scale)
    raise SingularCurvatureError(
        f"the {len(matrix)} × {len(matrix)} curvature matrix is singular or not positive definite to working precision: "
        "use damping='adaptive', a damping > 0 or an l2 > 0, or remove redundant features"
    )


def _is_regular(factor: Tensor, rounding: float) -> Tensor:
    """Whether the smallest eigenvalue of LLᵀ, L the factor (p, p), is above rounding: ()."""
    if factor.device.type == "cpu" and len(factor) <= SMALL:
        # It is at least 1/‖L⁻¹‖_F², which of a small matrix costs less, and is nearly always far above.
        eye = torch.eye(len(factor), dtype=factor.dtype)
        is_above = torch.linalg.solve_triangular(factor, eye, upper=False).square().sum() < 1 / (FAR * rounding)
        if is_above:
            return is_above
    return _smallest_eigenvalue(factor) > rounding


def _smallest_eigenvalue(factor: Tensor) -> Tensor:
    """Of LLᵀ, L the factor (p, p): an estimate from above by inverse iteration, started at the smallest pivot.

    Started there its first step already falls to that pivot. Source: Golub and Van Loan, Matrix Computations, section 7.6.1.
    """
    v = torch.zeros_like(factor[0]).index_fill_(0, factor.diagonal().argmin()[None], 1.0)
    for _ in range(3):
        image = torch.cholesky_solve(v[:, None], factor)[:, 0]
        v = image / image.norm()
    return 1 / image.norm()
