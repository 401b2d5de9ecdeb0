"""What linear, logistic and softmax regression share: one linear layer under a family's loss."""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor

from lightning_modules.linear.coefficients import Coefficient, ConstantTargetError, coefficients
from lightning_modules.objectives import GLMObjective, flattened
from lightning_modules.objectives.families import Family
from lightning_modules.optimizers import SingularCurvatureError
from lightning_modules.training.equal_rows import LINEAR_ROWS, in_blocks, whole_linear
from lightning_modules.training.loss_share import LossShare
from lightning_modules.training.objective_module import Batch, ObjectiveModule, OptimizerCallable
from lightning_modules.training.trained_parameters import refuse_other_parameters
from lightning_modules.training.two_views import as_rows
from lightning_modules.training.weighted_rows import refuse_weights


class GeneralizedLinearModel(ObjectiveModule):
    """z = Wx + b, fitted to minimise  1/n Σ_i l(z_i, y_i) + l2/2 ‖W‖²; the bias is not penalised; weights start at 0.

    Args:
        num_features: d.
        family: loss, mean function and curvature of a row's K linear predictors.
        l2: strength of the penalty, ≥ 0, relative to the *mean* loss.
        optimizer: makes the optimizer from the parameters.
    """

    reads_in_chunks = True
    takes_every_row = True

    def __init__(self, num_features: int, family: Family, l2: float, optimizer: OptimizerCallable) -> None:
        super().__init__(optimizer)
        name = type(self).__name__
        if not isinstance(num_features, int) or num_features < 1:
            raise ValueError(
                f"{name}(num_features={num_features}): a model needs at least one feature; on the command line the data module "
                "tells their number by its property num_features"
            )
        if not 0 <= l2 < float("inf"):
            raise ValueError(f"{name}(l2={l2}): the penalty must be a number ≥ 0")
        self.family, self.l2 = family, l2
        self.linear = torch.nn.Linear(num_features, family.num_outputs)
        torch.nn.init.zeros_(self.linear.weight)
        torch.nn.init.zeros_(self.linear.bias)

    def forward(self, features: Tensor) -> Tensor:
        """Linear predictors: (n, d) -> (n, K)."""
        z: Tensor = self.linear(features)
        return z

    def predict(self, features: Tensor) -> Tensor:
        return self.family.mean(self._predictors(features.to(self.dtype)))

    def _predictors(self, features: Tensor) -> Tensor:
        """`forward`, by which equal rows get equal numbers: (n, d) -> (n, K)."""
        return in_blocks(lambda x: whole_linear(x, self.linear.weight, self.linear.bias), features, LINEAR_ROWS)

    def loss_share(self, batch: Batch) -> LossShare:
        features, targets = self._rows(batch)
        total = self.family.total(self(features), self.family.check(targets))
        return LossShare(total, len(features), self.l2 / 2 * self.linear.weight.square().sum() if self.l2 else 0.0)

    def _rows(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Features (n, d) and targets of a batch, of which the first are refused where there are not d."""
        refuse_weights(self, batch)
        features, targets, _ = as_rows(batch)
        if features.shape[1] != self.linear.in_features:
            raise ValueError(
                f"the data have {features.shape[1]} features, the model takes {self.linear.in_features}: "
                f"set num_features={features.shape[1]}"
            )
        return features, targets

    def objective(self, batch: Batch) -> GLMObjective:
        refuse_other_parameters([self.linear])
        features, targets = self._rows(batch)
        return GLMObjective(self.family, features, targets, self.l2, self.reduction)

    def coefficients(
        self,
        feature_names: Sequence[str],
        output_names: Sequence[str] = (),
        scaling: tuple[Any, Any] | None = None,
    ) -> list[Coefficient]:
        """Coefficients with standard errors, intervals and p-values, at the end of a fit; see `coefficients.py`.

        Under a penalty, or where some are frozen, these are the weights as they are, without errors. Else the list is empty
        where there are no errors to be had: with no row more than coefficients, of a target that is the same in every row, or
        where no minimiser is proved to be near, which `converged` says. Every process must call it, and before the trainer is
        torn down.

        Args:
            feature_names: d names.
            output_names: of the classes, or of the targets where there are several.
            scaling: mean (d,) and deviation (d,) that the data module scaled the features by, for coefficients in units of
                their own as well.
        """
        objective = cast(GLMObjective, self.training_objective())
        if self.l2 == 0 and objective.num_rows <= objective.num_features + 1:
            return []
        theta = flattened(self.parameters())
        is_estimated = all(parameter.requires_grad for parameter in self.parameters())
        try:
            return coefficients(objective, theta, feature_names, output_names, scaling=scaling, has_errors=is_estimated)
        except (SingularCurvatureError, ConstantTargetError):
            return []

    def evaluate(self, batch: Batch) -> dict[str, Tensor]:
        features, targets, _ = as_rows(batch)
        z, y = self._predictors(features), self.family.check(targets)
        return {"preds": self.family.mean(z), "target": y, "value": self.family.loss(z, y)}
