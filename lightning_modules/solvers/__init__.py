"""Linear systems (C + R) x = b, R a diagonal, C a matrix, a diagonal, of few rows, or products. Knows torch only."""

from lightning_modules.solvers.cholesky import SMALL, Cholesky, SingularCurvatureError, cholesky
from lightning_modules.solvers.conjugate_gradients import conjugate_gradients
from lightning_modules.solvers.dense import DenseSolver, absolute_values, completed, is_definite, own_scale
from lightning_modules.solvers.diagonal import DiagonalSolver, JacobiSolver
from lightning_modules.solvers.factor_rows import FactorRows
from lightning_modules.solvers.kronecker import KroneckerSolver
from lightning_modules.solvers.matrix_free import MatrixFreeSolver
from lightning_modules.solvers.solver import Solver
from lightning_modules.solvers.stored_rows import StoredRows
from lightning_modules.solvers.undivided import undivided
from lightning_modules.solvers.woodbury import WoodburySolver

__all__ = [
    "SMALL",
    "Cholesky",
    "DenseSolver",
    "DiagonalSolver",
    "FactorRows",
    "JacobiSolver",
    "KroneckerSolver",
    "MatrixFreeSolver",
    "SingularCurvatureError",
    "Solver",
    "StoredRows",
    "WoodburySolver",
    "absolute_values",
    "cholesky",
    "completed",
    "conjugate_gradients",
    "is_definite",
    "own_scale",
    "undivided",
]
