"""Linear regression."""

from lightning_modules.linear.generalized_linear_model import GeneralizedLinearModel
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
        optimizer: the method: GradientDescent, Newton, DiagonalNewton or any of torch.optim.
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
    ) -> None:
        super().__init__(num_features, Gaussian(num_targets), l2, optimizer, intercept, offset)
