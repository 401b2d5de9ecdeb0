"""Linear systems (C + R) x = b, R a diagonal, C a matrix, a diagonal, or known by products only. Knows torch only."""

from lightning_modules.solvers.cholesky import Cholesky, SingularCurvatureError, cholesky
from lightning_modules.solvers.conjugate_gradients import conjugate_gradients
from lightning_modules.solvers.dense import DenseSolver, absolute_values, completed, is_definite, own_scale
from lightning_modules.solvers.diagonal import DiagonalSolver, JacobiSolver
from lightning_modules.solvers.kronecker import KroneckerSolver
from lightning_modules.solvers.matrix_free import MatrixFreeSolver
from lightning_modules.solvers.solver import Solver

__all__ = [
    "Cholesky",
    "DenseSolver",
    "DiagonalSolver",
    "JacobiSolver",
    "KroneckerSolver",
    "MatrixFreeSolver",
    "SingularCurvatureError",
    "Solver",
    "absolute_values",
    "cholesky",
    "completed",
    "conjugate_gradients",
    "is_definite",
    "own_scale",
]
