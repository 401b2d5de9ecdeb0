"""The mathematics of one loss: torch only."""

from lightning_modules.objectives.degeneracy import Degeneracy
from lightning_modules.objectives.glm_objective import GLMObjective
from lightning_modules.objectives.module_objective import ModuleObjective
from lightning_modules.objectives.objective import Objective
from lightning_modules.objectives.reduction import Reduction, all_processes, this_process

__all__ = ["Degeneracy", "GLMObjective", "ModuleObjective", "Objective", "Reduction", "all_processes", "this_process"]
