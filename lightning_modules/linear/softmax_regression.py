"""Softmax regression."""

from torchmetrics import MetricCollection

from lightning_modules.linear.generalized_linear_model import GeneralizedLinearModel
from lightning_modules.linear.l1_options import FOLDS, L1Choice, L1Options
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
        l1: strength of the penalty on absolute values, ≥ 0, which takes coefficients to exactly 0; or "cv" to choose it by
            cross-validation, "cv-1se" the largest that is at most a standard error worse. By Newton, on the full batch.
        penalty_weights: what both penalties are multiplied by, a number ≥ 0 for each feature, or for some by name: {age: 0}.
        folds: of the cross-validation.
        optimizer: the method: GradientDescent, Newton, DiagonalNewton or one of torch.optim.
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
        l1: float | L1Choice = 0.0,
        penalty_weights: list[float] | dict[str, float] | None = None,
        folds: int = FOLDS,
    ) -> None:
        if num_classes < 2:
            raise ValueError(
                f"SoftmaxRegression(num_classes={num_classes}): with fewer than 2 classes there is nothing to tell apart; "
                "for a regression target use LinearRegression"
            )
        penalty = L1Options(l1, penalty_weights, folds)
        super().__init__(num_features, Categorical(num_classes), l2, optimizer, intercept, penalty=penalty)

    def metrics(self) -> MetricCollection:
        return classification_metrics(self.family.num_outputs)
