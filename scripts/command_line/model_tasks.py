"""What each model can do, known without importing it: a test holds it against the models."""

from typing import Literal

# Of the models that are not here nothing is known. None: the model does what the targets suggest.
TASKS: dict[str, Literal["classification", "regression"] | None] = {
    "LinearRegression": "regression",
    "LogisticRegression": "classification",
    "SoftmaxRegression": "classification",
    "PoissonRegression": "regression",
    "GammaRegression": "regression",
    "TweedieRegression": "regression",
    "NegativeBinomialRegression": "regression",
    "MLP": None,
    "ResidualMLP": None,
}
