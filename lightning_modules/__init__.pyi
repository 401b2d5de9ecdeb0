from .cnn import CNN
from .linear.gamma_regression import GammaRegression
from .linear.linear_regression import LinearRegression
from .linear.logistic_regression import LogisticRegression
from .linear.negative_binomial_regression import NegativeBinomialRegression
from .linear.poisson_regression import PoissonRegression
from .linear.softmax_regression import SoftmaxRegression
from .linear.tweedie_regression import TweedieRegression
from .mlp import MLP
from .residual_mlp import ResidualMLP
from .simclr import SimCLR
from .torch_model import TorchModel
from .training.objective_module import ObjectiveModule

__all__ = [
    "CNN",
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
    "TorchModel",
    "TweedieRegression",
]
