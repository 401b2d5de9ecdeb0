"""The mathematics of one loss: torch only."""

from lightning_modules.objectives.degeneracy import Degeneracy
from lightning_modules.objectives.diagonal_estimate import DiagonalEstimate, ggn_diagonal_estimate, hessian_diagonal_estimate
from lightning_modules.objectives.glm_objective import GLMObjective
from lightning_modules.objectives.module_objective import ModuleObjective, SplitLoss
from lightning_modules.objectives.network_objective import NetworkObjective
from lightning_modules.objectives.objective import Objective
from lightning_modules.objectives.preconditioner import Preconditioner
from lightning_modules.objectives.reduction import Reduction, all_processes, this_process

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
    "ggn_diagonal_estimate",
    "hessian_diagonal_estimate",
    "this_process",
]
