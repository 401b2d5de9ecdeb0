"""Linear models: what is trained, its coefficients, and the exact linear probe of features."""

from lightning_modules.linear.coefficients import Coefficient, coefficients
from lightning_modules.linear.gamma_regression import GammaRegression
from lightning_modules.linear.generalized_linear_model import GeneralizedLinearModel
from lightning_modules.linear.linear_probe import Labelled, LinearProbe, fit_probe
from lightning_modules.linear.linear_regression import LinearRegression
from lightning_modules.linear.logistic_regression import LogisticRegression
from lightning_modules.linear.negative_binomial_regression import NegativeBinomialRegression
from lightning_modules.linear.poisson_regression import PoissonRegression
from lightning_modules.linear.softmax_regression import SoftmaxRegression
from lightning_modules.linear.tweedie_regression import TweedieRegression

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
