"""Generalised linear models: their rows, their derivatives in closed form, and what is proved of their minimisers."""

from lightning_modules.objectives.linear.glm_objective import GLMObjective

__all__ = ["GLMObjective"]
