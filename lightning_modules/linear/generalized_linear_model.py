"""What linear models of all families share: one linear layer under a family's loss."""

import torch
from pytorch_lightning import LightningDataModule, Trainer
from torch import Tensor
from torchmetrics import MetricCollection

from lightning_modules.counting import counted
from lightning_modules.linear.inference_of_fit import InferenceOfFit
from lightning_modules.linear.l1_options import L1Options
from lightning_modules.linear.sparse_model import SparseModel
from lightning_modules.objectives import Columns, GLMObjective
from lightning_modules.objectives.families import Family
from lightning_modules.objectives.own_parameters import owned
from lightning_modules.training.equal_rows import LINEAR_ROWS, in_blocks, whole_linear
from lightning_modules.training.loss_share import LossShare
from lightning_modules.training.objective_module import Batch, OptimizerCallable
from lightning_modules.training.regression_metrics import regression_metrics
from lightning_modules.training.trained_parameters import refuse_other_parameters
from lightning_modules.training.two_views import StoredRows, stored_rows
from lightning_modules.training.weighted_rows import refuse_weights

NO_L1 = L1Options()


class GeneralizedLinearModel(SparseModel, InferenceOfFit):
    """z = Wx + b, fitted to minimise  1/n Σ_i w_i l(z_i, y_i) + l2/2 ‖W‖²,  n = Σ w_i; b is not penalised; θ starts at 0.

    Weights w are those of the batch, or 1. With an offset, batches have one column more, the last, which is added to z.

    Args:
        num_features: d.
        family: loss, mean function and curvature of a row's K linear predictors.
        l2: strength of the penalty, ≥ 0, relative to the *mean* loss.
        optimizer: makes the optimizer from the parameters.
        intercept: whether there is a bias b.
        offset: whether there is an offset.
        penalty: on absolute values, and what it is multiplied by; then  l1 Σ_j v_j |W_j| + l2/2 Σ_j v_j W_j²  is added.
    """

    reads_in_chunks = True
    takes_every_row = True
    takes_weights = True
    reads_codes = True

    def __init__(
        self,
        num_features: int,
        family: Family,
        l2: float,
        optimizer: OptimizerCallable,
        intercept: bool = True,
        offset: bool = False,
        penalty: L1Options = NO_L1,
    ) -> None:
        super().__init__(optimizer, penalty)
        name = type(self).__name__
        if not isinstance(num_features, int) or num_features < 1:
            raise ValueError(
                f"{name}(num_features={num_features}): a model needs at least one feature; on the command line the data module "
                "tells their number by its property num_features"
            )
        if not 0 <= l2 < float("inf"):
            raise ValueError(f"{name}(l2={l2}): the penalty must be a number ≥ 0")
        self.family, self.l2, self.offset = family, l2, offset
        self.linear = torch.nn.Linear(num_features, family.num_outputs, bias=intercept)
        for parameter in self.linear.parameters():
            torch.nn.init.zeros_(parameter)

    def check_trainer(self, trainer: Trainer, data: LightningDataModule | None = None) -> None:
        """As its base class's, and refuse centred features where there is no intercept.

        Raises:
            ValueError: names what cannot be, why, and what can.
        """
        super().check_trainer(trainer, data)
        if self.linear.bias is None and getattr(data, "standardize", False):
            raise ValueError(
                f"{type(self).__name__} without an intercept on centred features is another model than on the table's own: set "
                "standardize=False in the data module (curvature methods do not need scaled features)"
            )

    def on_fit_start(self) -> None:
        """Refuse classes as numbers: of counts 0, 2 and 10 they would be 0, 1 and 2."""
        super().on_fit_start()
        classes = getattr(getattr(self.trainer, "datamodule", None), "class_names", None)
        if self.task == "regression" and classes:
            raise ValueError(
                f"{type(self).__name__} takes numbers, and the data module read the targets as "
                f"{counted(len(classes), 'class', 'classes')}: use its "
                "task='regression' if they are numbers, else LogisticRegression or SoftmaxRegression"
            )

    def forward(self, features: Tensor) -> Tensor:
        """Linear predictors: (n, d), or (n, d + 1) with an offset -> (n, K)."""
        x, offset = self._divided(features)
        z: Tensor = self.linear(x)
        return z if offset is None else z + offset

    def predict(self, features: Tensor) -> Tensor:
        return self.family.mean(self._predictors(StoredRows(features.to(self.dtype), features[:0])))

    def _predictors(self, rows: StoredRows) -> Tensor:
        """`forward`, by which equal rows get equal numbers."""
        x, offset = self._divided(rows.features)
        weight, bias = self.linear.weight, self.linear.bias
        bias = weight.new_zeros(len(weight)) if bias is None else bias
        columns = rows.columns or Columns(x.shape[1])
        z = in_blocks(lambda some: whole_linear(columns.expanded(some), weight, bias), x, LINEAR_ROWS)
        return z if offset is None else z + offset

    def _divided(self, features: Tensor) -> tuple[Tensor, Tensor | None]:
        """x (n, d) and the offset (n, 1), if there is one: views."""
        return (features[:, :-1], features[:, -1:]) if self.offset else (features, None)

    def loss_share(self, batch: Batch) -> LossShare:
        features, targets, weights, columns = self._rows(batch)
        penalty = self.l2 / 2 * self.linear.weight.square().sum() if self.l2 else 0.0
        z, y = self(features) if columns is None else self._of_codes(features, columns), self.family.check(targets)
        if weights is None:
            return LossShare(self.family.total(z, y), len(features), penalty)
        return LossShare((weights * self.family.loss(z, y)).sum(), len(features), penalty, weights.double().sum())

    def _of_codes(self, features: Tensor, columns: Columns) -> Tensor:
        """`forward` of features as they are stored."""
        x, offset = self._divided(features)
        weight, bias = self.linear.weight, self.linear.bias
        z = columns.product(x, weight, weight.new_zeros(len(weight)) if bias is None else bias)
        return z if offset is None else z + offset

    def _rows(self, batch: Batch) -> StoredRows:
        """Those of a batch, of which features (n, d) are refused where there are not d, or one more with an offset."""
        rows = stored_rows(batch)
        found = rows.features.shape[1] - self.offset
        if rows.columns is not None and found == rows.columns.num_stored:
            found = rows.columns.num_features
        if found != self.linear.in_features:
            beside = " beside the offset" if self.offset else ""
            raise ValueError(
                f"the data have {counted(found, 'feature')}{beside}, the model takes "
                f"{self.linear.in_features}: set num_features={found}"
            )
        return rows

    def objective(self, batch: Batch) -> GLMObjective:
        return owned(self.under_l1(self.smooth_objective(batch)), self)

    def smooth_objective(self, batch: Batch) -> GLMObjective:
        """The loss without a penalty on absolute values."""
        refuse_weights(self, batch)
        refuse_other_parameters([self.linear])
        features, targets, weights, columns = self._rows(batch)
        x, offset = self._divided(features)
        if offset is not None:
            # Features that have no room on the device stay on the host; targets and their terms are there.
            offset = offset.to(targets.device).expand(-1, self.family.num_outputs)
        return self.kind_of_objective(
            self.family,
            x,
            targets,
            self.l2,
            self.reduction,
            weights=weights,
            offset=offset,
            intercept=self.linear.bias is not None,
            columns=columns,
        )

    @property
    def is_penalised(self) -> bool:
        """Whether coefficients are drawn to 0, and so have no standard errors."""
        return self.l2 > 0 or self.is_sparse

    def metrics(self) -> MetricCollection:
        """Those of real targets, unless a class says others."""
        return regression_metrics()

    def evaluate(self, batch: Batch) -> dict[str, Tensor]:
        rows = stored_rows(batch)
        z, y = self._predictors(rows), self.family.check(rows.targets)
        return {"preds": self.family.mean(z), "target": y, "value": self.family.loss(z, y)}
