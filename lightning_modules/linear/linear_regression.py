"""Linear regression."""

from lightning_modules.linear.generalized_linear_model import GeneralizedLinearModel
from lightning_modules.linear.l1_options import FOLDS, L1Choice, L1Options
from lightning_modules.objectives.families import Gaussian
from lightning_modules.training.objective_module import OptimizerCallable


class LinearRegression(GeneralizedLinearModel):
    """Least squares: minimises  1/n Σ_i ½ ‖W x_i + b − y_i‖² + l2/2 ‖W‖².

    The minimiser is that of scikit-learn's `Ridge(alpha=n·l2)`. `loss` is the half squared error of the formula; `mse`,
    `mae` and `r2` are the usual ones.

    Args:
        num_features: d, the number of features; taken from the data on the command line.
        num_targets: K, the number of real targets; taken from the data on the command line.
        l2: strength of the penalty on the weights (not the bias), ≥ 0, relative to the mean loss.
        intercept: whether there is a b.
        offset: whether the last column of the features is added to the predictions; taken from the data on the command line.
        l1: strength of the penalty on absolute values, ≥ 0, which takes coefficients to exactly 0; or "cv" to choose it by
            cross-validation, "cv-1se" the largest that is at most a standard error worse. By Newton, on the full batch.
        penalty_weights: what both penalties are multiplied by, a number ≥ 0 for each feature, or for some by name: {age: 0}.
        folds: of the cross-validation.
        optimizer: the method: GradientDescent, Newton, DiagonalNewton or one of torch.optim.
    """

    task = "regression"

    def __init__(
        self,
        num_features: int,
        num_targets: int = 1,
        l2: float = 0.0,
        intercept: bool = True,
        offset: bool = False,
        *,
        optimizer: OptimizerCallable,
        l1: float | L1Choice = 0.0,
        penalty_weights: list[float] | dict[str, float] | None = None,
        folds: int = FOLDS,
    ) -> None:
        penalty = L1Options(l1, penalty_weights, folds)
        super().__init__(num_features, Gaussian(num_targets), l2, optimizer, intercept, offset, penalty)
