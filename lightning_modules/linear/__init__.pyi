from .coefficients import Coefficient, coefficients
from .gamma_regression import GammaRegression
from .generalized_linear_model import GeneralizedLinearModel
from .linear_probe import Labelled, LinearProbe, fit_probe
from .linear_regression import LinearRegression
from .logistic_regression import LogisticRegression
from .negative_binomial_regression import NegativeBinomialRegression
from .poisson_regression import PoissonRegression
from .softmax_regression import SoftmaxRegression
from .tweedie_regression import TweedieRegression

__all__ = [
    "Coefficient",
    "GammaRegression",
    "GeneralizedLinearModel",
    "Labelled",
    "LinearProbe",
    "LinearRegression",
    "LogisticRegression",
    "NegativeBinomialRegression",
    "PoissonRegression",
    "SoftmaxRegression",
    "TweedieRegression",
    "coefficients",
    "fit_probe",
]
