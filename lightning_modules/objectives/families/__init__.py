"""Pointwise losses: of generalised linear models, and of networks."""

from lightning_modules.objectives.families.absolute_error import AbsoluteError
from lightning_modules.objectives.families.bernoulli import Bernoulli
from lightning_modules.objectives.families.categorical import Categorical
from lightning_modules.objectives.families.family import Family
from lightning_modules.objectives.families.gaussian import Gaussian
from lightning_modules.objectives.families.pointwise_loss import PointwiseLoss
from lightning_modules.objectives.families.pseudo_huber import PseudoHuber
from lightning_modules.objectives.families.squared_error import SquaredError

__all__ = [
    "AbsoluteError",
    "Bernoulli",
    "Categorical",
    "Family",
    "Gaussian",
    "PointwiseLoss",
    "PseudoHuber",
    "SquaredError",
]
