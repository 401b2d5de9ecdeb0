"""Softmax regression."""

from torchmetrics import MetricCollection

from lightning_modules.linear.generalized_linear_model import GeneralizedLinearModel
from lightning_modules.objectives.families import Categorical
from lightning_modules.training.classification_metrics import classification_metrics
from lightning_modules.training.objective_module import OptimizerCallable


class SoftmaxRegression(GeneralizedLinearModel):
    """K classes: minimises  1/n Σ_i [logsumexp(z_i) − z_i,y] + l2/2 ‖W‖²,  z = Wx + b.

    The minimiser is that of scikit-learn's multinomial `LogisticRegression(C=1/(n·l2))`. A shift common to all classes
    changes nothing; started at 0 every method stays where the shifts sum to 0. `preds` are probabilities (n, K).

    Args:
        num_features: d, the number of features; taken from the data on the command line.
        num_classes: K, the number of classes; taken from the data on the command line.
        l2: strength of the penalty on the weights (not the bias), ≥ 0, relative to the mean loss.
        intercept: whether there is a b.
        optimizer: the method: GradientDescent, Newton, DiagonalNewton or any of torch.optim.
    """

    task = "classification"

    def __init__(
        self,
        num_features: int,
        num_classes: int,
        l2: float = 0.0,
        intercept: bool = True,
        *,
        optimizer: OptimizerCallable,
    ) -> None:
        if num_classes < 2:
            raise ValueError(
                f"SoftmaxRegression(num_classes={num_classes}): with fewer than 2 classes there is nothing to tell apart; "
                "for a regression target use LinearRegression"
            )
        super().__init__(num_features, Categorical(num_classes), l2, optimizer, intercept)

    def metrics(self) -> MetricCollection:
        return classification_metrics(self.family.num_outputs)
