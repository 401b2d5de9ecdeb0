"""Generalised linear models: their rows, their derivatives in closed form, and what is proved of their minimisers."""

from lightning_modules.objectives.linear.firth_objective import FirthObjective
from lightning_modules.objectives.linear.glm_objective import GLMObjective
from lightning_modules.objectives.linear.intercept_start import intercept_start
from lightning_modules.objectives.linear.predictors import Predictors
from lightning_modules.objectives.linear.root import Root, penalty_rows, root
from lightning_modules.objectives.linear.triangle import triangle

__all__ = ["FirthObjective", "GLMObjective", "Predictors", "Root", "intercept_start", "penalty_rows", "root", "triangle"]
