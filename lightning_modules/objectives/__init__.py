"""The mathematics of one loss: torch only."""

from lightning_modules.objectives.degeneracy import Degeneracy
from lightning_modules.objectives.diagonal_estimate import DiagonalEstimate, ggn_diagonal_estimate, hessian_diagonal_estimate
from lightning_modules.objectives.families.host_waits import runs_ahead
from lightning_modules.objectives.flattened import flattened
from lightning_modules.objectives.glm_objective import GLMObjective
from lightning_modules.objectives.module_objective import ModuleObjective, SplitLoss
from lightning_modules.objectives.network_objective import NetworkObjective
from lightning_modules.objectives.objective import Objective
from lightning_modules.objectives.preconditioner import Preconditioner
from lightning_modules.objectives.reduction import Reduction, all_processes, this_process, total_count
from lightning_modules.objectives.shared_work import undivided

__all__ = [
    "Degeneracy",
    "DiagonalEstimate",
    "GLMObjective",
    "ModuleObjective",
    "NetworkObjective",
    "Objective",
    "Preconditioner",
    "Reduction",
    "SplitLoss",
    "all_processes",
    "flattened",
    "ggn_diagonal_estimate",
    "hessian_diagonal_estimate",
    "runs_ahead",
    "this_process",
    "total_count",
    "undivided",
]
