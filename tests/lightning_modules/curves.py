"""A curve of somebody's own as a model for a trainer, in the two ways that its loss can be written."""

from collections.abc import Callable

import torch
from torch import Tensor
from torchmetrics import MetricCollection

from lightning_modules.objectives import LeastSquares, ModuleObjective, Objective, Reduction, SplitLoss
from lightning_modules.training import Batch, ObjectiveModule, OptimizerCallable, regression_metrics


class Curve(ObjectiveModule):
    """y ≈ f(θ, x), by half the mean square of the residuals as a function of θ.

    Args:
        curve: f.
        start: θ (p,).
        optimizer: as in `ObjectiveModule`.
    """

    def __init__(self, curve: Callable[[Tensor, Tensor], Tensor], start: Tensor, *, optimizer: OptimizerCallable) -> None:
        super().__init__(optimizer)
        self.curve = curve
        self.theta = torch.nn.Parameter(start.clone())

    def predict(self, features: Tensor) -> Tensor:
        return self.curve(self.theta, features)

    def objective(self, batch: Batch) -> Objective:
        x, y = batch
        return LeastSquares(lambda theta: self.curve(theta, x) - y)

    def evaluate(self, batch: Batch) -> dict[str, Tensor]:
        preds = self.predict(batch[0])
        return {"preds": preds, "target": batch[1], "value": 0.5 * (preds - batch[1]).square()}

    def metrics(self) -> MetricCollection:
        return regression_metrics()


def loss_by_rows(model: Curve, batch: Batch, reduction: Reduction) -> ModuleObjective:
    """The same of the model's predictions, summed over rows, so that they may be on several processes."""
    loss = SplitLoss(lambda model, b: model.predict(b[0]) - b[1], lambda r, b: 0.5 * r.square().sum())
    return ModuleObjective(model, loss, batch, len(batch[0]), reduction)


class CurveByRows(Curve):
    """Trained by `loss_by_rows`."""

    def objective(self, batch: Batch) -> Objective:
        return loss_by_rows(self, batch, self.reduction)
