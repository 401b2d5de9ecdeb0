from .coefficients import Coefficient, coefficients
from .generalized_linear_model import GeneralizedLinearModel
from .linear_probe import Labelled, LinearProbe, fit_probe
from .linear_regression import LinearRegression
from .logistic_regression import LogisticRegression
from .softmax_regression import SoftmaxRegression

__all__ = [
    "Coefficient",
    "GeneralizedLinearModel",
    "Labelled",
    "LinearProbe",
    "LinearRegression",
    "LogisticRegression",
    "SoftmaxRegression",
    "coefficients",
    "fit_probe",
]
