"""The mathematics of one loss: torch only."""

from lightning_modules.devices import is_asynchronous
from lightning_modules.devices import is_asynchronous as runs_ahead
from lightning_modules.objectives.coded_columns import CodedColumns
from lightning_modules.objectives.columns import Columns
from lightning_modules.objectives.curvature import Curvature
from lightning_modules.objectives.degeneracy import Degeneracy
from lightning_modules.objectives.diagonal_estimate import ggn_diagonal_estimate, hessian_diagonal_estimate
from lightning_modules.objectives.flattened import flattened
from lightning_modules.objectives.function_objective import FunctionObjective, LeastSquares
from lightning_modules.objectives.graphs import GraphObjective, UntraceableError, traced
from lightning_modules.objectives.layered import NetworkObjective
from lightning_modules.objectives.linear import GLMObjective, intercept_start
from lightning_modules.objectives.mapped_pages import pieces
from lightning_modules.objectives.module_objective import ModuleObjective
from lightning_modules.objectives.objective import Objective, Point
from lightning_modules.objectives.partial_objective import PartialObjective
from lightning_modules.objectives.proof import Proof
from lightning_modules.objectives.rademacher import DiagonalEstimate, estimate_diagonal
from lightning_modules.objectives.reduction import (
    Reduction,
    ReductionOfBatch,
    all_processes,
    rows_of_each,
    this_process,
    total_count,
    total_rows,
)
from lightning_modules.objectives.split_loss import SplitLoss
from lightning_modules.solvers import Solver as Preconditioner
from lightning_modules.solvers.undivided import undivided

__all__ = [
    "CodedColumns",
    "Columns",
    "Curvature",
    "Degeneracy",
    "DiagonalEstimate",
    "FunctionObjective",
    "GLMObjective",
    "GraphObjective",
    "LeastSquares",
    "ModuleObjective",
    "NetworkObjective",
    "Objective",
    "PartialObjective",
    "Point",
    "Preconditioner",
    "Proof",
    "Reduction",
    "ReductionOfBatch",
    "SplitLoss",
    "UntraceableError",
    "all_processes",
    "estimate_diagonal",
    "flattened",
    "ggn_diagonal_estimate",
    "hessian_diagonal_estimate",
    "intercept_start",
    "is_asynchronous",
    "pieces",
    "rows_of_each",
    "runs_ahead",
    "this_process",
    "total_count",
    "total_rows",
    "traced",
    "undivided",
]
