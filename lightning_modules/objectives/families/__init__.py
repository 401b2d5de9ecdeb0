"""Pointwise losses of generalised linear models."""

from lightning_modules.objectives.families.bernoulli import Bernoulli
from lightning_modules.objectives.families.categorical import Categorical
from lightning_modules.objectives.families.family import Family
from lightning_modules.objectives.families.gaussian import Gaussian

__all__ = ["Bernoulli", "Categorical", "Family", "Gaussian"]
