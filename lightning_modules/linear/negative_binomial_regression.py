"""Negative binomial regression."""

from torchmetrics import MetricCollection

from lightning_modules.linear.generalized_linear_model import GeneralizedLinearModel
from lightning_modules.objectives.families import NegativeBinomial
from lightning_modules.training.objective_module import OptimizerCallable
from lightning_modules.training.regression_metrics import regression_metrics


class NegativeBinomialRegression(GeneralizedLinearModel):
    """Counts y with variance μ + αμ²: minimises half the mean deviance plus l2/2 ‖w‖²,  z = wᵀx + b = log μ.

    The curvature is the observed information, or with `Newton(curvature="ggn")` the expected one, which is Fisher scoring.


    Args:
        num_features: d, the number of features; taken from the data on the command line.
        l2: strength of the penalty on the weights (not the bias), ≥ 0, relative to the mean loss.
        dispersion: α > 0, known.
        intercept: whether there is a b.
        offset: whether the last column of the features is added to z, the logarithm of an exposure for example; taken from the
            data on the command line.
        optimizer: the method: GradientDescent, Newton, DiagonalNewton or any of torch.optim.

    Raises:
        ValueError: α is not positive.
    """

    task = "regression"

    def __init__(
        self,
        num_features: int,
        l2: float = 0.0,
        dispersion: float = 1.0,
        intercept: bool = True,
        offset: bool = False,
        *,
        optimizer: OptimizerCallable,
    ) -> None:
        super().__init__(num_features, NegativeBinomial(dispersion), l2, optimizer, intercept, offset)

    def metrics(self) -> MetricCollection:
        return regression_metrics()
