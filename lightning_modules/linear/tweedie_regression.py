"""Tweedie regression."""

from lightning_modules.linear.generalized_linear_model import GeneralizedLinearModel
from lightning_modules.linear.l1_options import FOLDS, L1Choice, L1Options
from lightning_modules.objectives.families import Tweedie
from lightning_modules.training.objective_module import OptimizerCallable


class TweedieRegression(GeneralizedLinearModel):
    """Amounts y ≥ 0 with variance φ μᵖ: minimises half the mean deviance plus l2/2 ‖w‖²,  z = wᵀx + b = log μ.

    For 1 < p < 2 targets are sums of a Poisson number of gamma amounts, exactly 0 in some rows, as claims of insurances are.
    The minimiser is that of scikit-learn's `TweedieRegressor(power=p, alpha=l2, link="log")`. The curvature is the observed
    information, or with `Newton(curvature="ggn")` the expected one, which is Fisher scoring.

    Args:
        num_features: d, the number of features; taken from the data on the command line.
        l2: strength of the penalty on the weights (not the bias), ≥ 0, relative to the mean loss.
        power: p in [1, 2]: 1 is Poisson's variance, 2 the gamma one.
        intercept: whether there is a b.
        offset: whether the last column of the features is added to z, the logarithm of an exposure for example; taken from the
            data on the command line.
        l1: strength of the penalty on absolute values, ≥ 0, which takes coefficients to exactly 0; or "cv" to choose it by
            cross-validation, "cv-1se" the largest that is at most a standard error worse. By Newton, on the full batch.
        penalty_weights: what both penalties are multiplied by, a number ≥ 0 for each feature, or for some by name: {age: 0}.
        folds: of the cross-validation.
        optimizer: the method: GradientDescent, Newton, DiagonalNewton or one of torch.optim.

    Raises:
        ValueError: p is outside, where the loss is not convex.
    """

    task = "regression"

    def __init__(
        self,
        num_features: int,
        l2: float = 0.0,
        power: float = 1.5,
        intercept: bool = True,
        offset: bool = False,
        *,
        optimizer: OptimizerCallable,
        l1: float | L1Choice = 0.0,
        penalty_weights: list[float] | dict[str, float] | None = None,
        folds: int = FOLDS,
    ) -> None:
        penalty = L1Options(l1, penalty_weights, folds)
        super().__init__(num_features, Tweedie(power), l2, optimizer, intercept, offset, penalty)
