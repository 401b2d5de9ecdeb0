"""Models that train themselves by gradient descent, Newton's method, diagonal Newton or any torch.optim optimiser."""

from lightning_modules.linear_regression import LinearRegression
from lightning_modules.logistic_regression import LogisticRegression
from lightning_modules.mlp import MLP
from lightning_modules.objective_module import ObjectiveModule
from lightning_modules.residual_mlp import ResidualMLP
from lightning_modules.simclr import SimCLR
from lightning_modules.softmax_regression import SoftmaxRegression

__all__ = [
    "MLP",
    "LinearRegression",
    "LogisticRegression",
    "ObjectiveModule",
    "ResidualMLP",
    "SimCLR",
    "SoftmaxRegression",
]
