from .linear.linear_regression import LinearRegression
from .linear.logistic_regression import LogisticRegression
from .linear.softmax_regression import SoftmaxRegression
from .mlp import MLP
from .residual_mlp import ResidualMLP
from .simclr import SimCLR
from .training.objective_module import ObjectiveModule

__all__ = [
    "MLP",
    "LinearRegression",
    "LogisticRegression",
    "ObjectiveModule",
    "ResidualMLP",
    "SimCLR",
    "SoftmaxRegression",
]
