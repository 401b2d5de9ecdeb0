"""Logistic regression."""

from collections.abc import Callable
from typing import Literal

from torch import Tensor
from torchmetrics import MetricCollection

from lightning_modules.linear.generalized_linear_model import GeneralizedLinearModel
from lightning_modules.linear.l1_options import FOLDS, L1Choice, L1Options
from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import Bernoulli, ComplementaryLogLog, Family, Probit
from lightning_modules.objectives.linear import FirthObjective
from lightning_modules.training.classification_metrics import binary_metrics
from lightning_modules.training.objective_module import Batch, OptimizerCallable
from lightning_modules.training.whole_batch import is_whole

LINKS: dict[str, Callable[[], Family]] = {"logit": Bernoulli, "probit": Probit, "cloglog": ComplementaryLogLog}


class LogisticRegression(GeneralizedLinearModel):
    """Two classes: minimises  1/n Σ_i [log(1 + exp z_i) − y_i z_i] + l2/2 ‖w‖²,  z = wᵀx + b, y ∈ {0, 1}.

    The minimiser is that of scikit-learn's `LogisticRegression(C=1/(n·l2))`. On linearly separable classes there is none
    without a penalty. Targets may be shares, k of m trials in a row of weight m; metrics but the loss then take the nearer
    class.

    With another link P(y = 1) is not 1/(1 + exp −z): it is Φ(z) by the probit, 1 − exp(−exp z) by the complementary log–log.
    Their curvature is the observed information, or with `Newton(curvature="ggn")` the expected one, which is Fisher scoring.

    Args:
        num_features: d, the number of features; taken from the data on the command line.
        l2: strength of the penalty on the weights (not the bias), ≥ 0, relative to the mean loss.
        link: "logit", "probit" or "cloglog".
        firth: whether to maximise Firth's penalised likelihood, whose coefficients are finite also where classes are separated:
            by the logit link, without l2, and a method of this project on the full batch.
        intercept: whether there is a b.
        offset: whether the last column of the features is added to z; taken from the data on the command line.
        l1: strength of the penalty on absolute values, ≥ 0, which takes coefficients to exactly 0; or "cv" to choose it by
            cross-validation, "cv-1se" the largest that is at most a standard error worse. By Newton, on the full batch.
        penalty_weights: what both penalties are multiplied by, a number ≥ 0 for each feature, or for some by name: {age: 0}.
        folds: of the cross-validation.
        optimizer: the method: GradientDescent, Newton, DiagonalNewton or one of torch.optim.
    """

    task = "classification"
    reads_codes = True  # what it evaluates too

    def __init__(
        self,
        num_features: int,
        l2: float = 0.0,
        link: Literal["logit", "probit", "cloglog"] = "logit",
        firth: bool = False,
        intercept: bool = True,
        offset: bool = False,
        *,
        optimizer: OptimizerCallable,
        l1: float | L1Choice = 0.0,
        penalty_weights: list[float] | dict[str, float] | None = None,
        folds: int = FOLDS,
    ) -> None:
        if link not in LINKS:
            raise ValueError(f"LogisticRegression(link={link!r}): use one of {', '.join(LINKS)}")
        penalty = L1Options(l1, penalty_weights, folds)
        super().__init__(num_features, LINKS[link](), l2, optimizer, intercept, offset, penalty)
        if firth and (link != "logit" or l2 > 0):
            raise ValueError(
                f"LogisticRegression(firth=True, link={link!r}, l2={l2:g}): Firth's penalty is that of the logit link, and "
                "takes the place of l2: leave both as they are"
            )
        if firth and self.is_sparse:
            raise ValueError("LogisticRegression(firth=True) with l1: Firth's penalty takes the place of it: give one of them")
        self.firth = firth

    @property
    def kind_of_objective(self) -> type[GLMObjective]:
        return FirthObjective if self.firth else GLMObjective

    def on_train_start(self) -> None:
        super().on_train_start()
        if self.firth and (self.automatic_optimization or not is_whole(self.trainer)):
            raise ValueError(
                "LogisticRegression(firth=True): the penalty is of all rows at once: use a method of this project, such as "
                "Newton, and no batch_size"
            )

    def metrics(self) -> MetricCollection:
        return binary_metrics()

    def predict(self, features: Tensor) -> Tensor:
        """Probabilities of class 1 (n,)."""
        return super().predict(features)[:, 0]

    def evaluate(self, batch: Batch) -> dict[str, Tensor]:
        """`preds` are probabilities of class 1 (n,)."""
        evaluated = super().evaluate(batch)
        return {
            "preds": evaluated["preds"][:, 0],
            "target": evaluated["target"][:, 0].round().long(),
            "value": evaluated["value"],
        }
