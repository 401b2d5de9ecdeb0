"""Logistic regression."""

from torch import Tensor
from torchmetrics import MeanMetric, MetricCollection
from torchmetrics.classification import BinaryAccuracy, BinaryF1Score

from lightning_modules.linear.generalized_linear_model import GeneralizedLinearModel
from lightning_modules.objectives.families import Bernoulli
from lightning_modules.training.area_under_roc import BinaryAreaUnderROC
from lightning_modules.training.objective_module import Batch, OptimizerCallable


class LogisticRegression(GeneralizedLinearModel):
    """Two classes: minimises  1/n Σ_i [log(1 + exp z_i) − y_i z_i] + l2/2 ‖w‖²,  z = wᵀx + b, y ∈ {0, 1}.

    The minimiser is that of scikit-learn's `LogisticRegression(C=1/(n·l2))`. On linearly separable classes there is none
    without a penalty.

    Args:
        num_features: d, the number of features; taken from the data on the command line.
        l2: strength of the penalty on the weights (not the bias), ≥ 0, relative to the mean loss.
        optimizer: the method: GradientDescent, Newton, DiagonalNewton or any of torch.optim.
    """

    task = "classification"

    def __init__(self, num_features: int, l2: float = 0.0, *, optimizer: OptimizerCallable) -> None:
        super().__init__(num_features, Bernoulli(), l2, optimizer)

    def metrics(self) -> MetricCollection:
        return MetricCollection(
            {"loss": MeanMetric("error"), "accuracy": BinaryAccuracy(), "f1": BinaryF1Score(), "auroc": BinaryAreaUnderROC()}
        )

    def predict(self, features: Tensor) -> Tensor:
        """Probabilities of class 1 (n,)."""
        return super().predict(features)[:, 0]

    def evaluate(self, batch: Batch) -> dict[str, Tensor]:
        """`preds` are probabilities of class 1 (n,)."""
        evaluated = super().evaluate(batch)
        return {
            "preds": evaluated["preds"][:, 0],
            "target": evaluated["target"][:, 0].long(),
            "value": evaluated["value"],
        }
