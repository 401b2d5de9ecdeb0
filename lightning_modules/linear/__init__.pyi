from .coefficients import Coefficient, coefficients
from .fit_statistics import FitStatistics, fit_statistics
from .gamma_regression import GammaRegression
from .generalized_linear_model import GeneralizedLinearModel
from .linear_probe import Labelled, LinearProbe, fit_probe
from .linear_regression import LinearRegression
from .logistic_regression import LogisticRegression
from .marginal_effects import MarginalEffect, marginal_effects
from .negative_binomial_regression import NegativeBinomialRegression
from .poisson_regression import PoissonRegression
from .profile_intervals import profile_intervals
from .residuals import Residuals, residuals
from .softmax_regression import SoftmaxRegression
from .tweedie_regression import TweedieRegression

__all__ = [
    "Coefficient",
    "FitStatistics",
    "GammaRegression",
    "GeneralizedLinearModel",
    "Labelled",
    "LinearProbe",
    "LinearRegression",
    "LogisticRegression",
    "MarginalEffect",
    "NegativeBinomialRegression",
    "PoissonRegression",
    "Residuals",
    "SoftmaxRegression",
    "TweedieRegression",
    "coefficients",
    "fit_probe",
    "fit_statistics",
    "marginal_effects",
    "profile_intervals",
    "residuals",
]
