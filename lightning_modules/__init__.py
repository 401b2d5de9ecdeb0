"""Models that train themselves by gradient descent, Newton's method, diagonal Newton or any torch.optim optimiser."""

from lightning_modules.linear.gamma_regression import GammaRegression
from lightning_modules.linear.linear_regression import LinearRegression
from lightning_modules.linear.logistic_regression import LogisticRegression
from lightning_modules.linear.negative_binomial_regression import NegativeBinomialRegression
from lightning_modules.linear.poisson_regression import PoissonRegression
from lightning_modules.linear.softmax_regression import SoftmaxRegression
from lightning_modules.linear.tweedie_regression import TweedieRegression
from lightning_modules.mlp import MLP
from lightning_modules.residual_mlp import ResidualMLP
from lightning_modules.simclr import SimCLR
from lightning_modules.training.objective_module import ObjectiveModule

__all__ = [
    "MLP",
    "GammaRegression",
    "LinearRegression",
    "LogisticRegression",
    "NegativeBinomialRegression",
    "ObjectiveModule",
    "PoissonRegression",
    "ResidualMLP",
    "SimCLR",
    "SoftmaxRegression",
    "TweedieRegression",
]
