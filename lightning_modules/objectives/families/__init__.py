"""Pointwise losses: of generalised linear models, and of networks."""

from lightning_modules.objectives.families.absolute_error import AbsoluteError
from lightning_modules.objectives.families.bernoulli import Bernoulli
from lightning_modules.objectives.families.categorical import Categorical
from lightning_modules.objectives.families.complementary_log_log import ComplementaryLogLog
from lightning_modules.objectives.families.family import Family
from lightning_modules.objectives.families.gamma import Gamma
from lightning_modules.objectives.families.gaussian import Gaussian
from lightning_modules.objectives.families.negative_binomial import NegativeBinomial
from lightning_modules.objectives.families.one_output import OneOutput
from lightning_modules.objectives.families.pointwise_loss import PointwiseLoss
from lightning_modules.objectives.families.poisson import Poisson
from lightning_modules.objectives.families.probit import Probit
from lightning_modules.objectives.families.pseudo_huber import PseudoHuber
from lightning_modules.objectives.families.squared_error import SquaredError
from lightning_modules.objectives.families.tweedie import Tweedie

__all__ = [
    "AbsoluteError",
    "Bernoulli",
    "Categorical",
    "ComplementaryLogLog",
    "Family",
    "Gamma",
    "Gaussian",
    "NegativeBinomial",
    "OneOutput",
    "PointwiseLoss",
    "Poisson",
    "Probit",
    "PseudoHuber",
    "SquaredError",
    "Tweedie",
]
