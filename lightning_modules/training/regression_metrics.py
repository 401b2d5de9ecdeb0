"""How well real targets are predicted."""

import torch
from torch import Tensor
from torchmetrics import MeanAbsoluteError, MeanMetric, MeanSquaredError, MetricCollection, R2Score


class DefinedR2Score(R2Score):
    """R², and nan of a single row, where torchmetrics raises: a run must not be lost because its test has one row."""

    def compute(self) -> Tensor:
        score: Tensor = super().compute() if self.total >= 2 else torch.tensor(float("nan"), device=self.device)
        return score


def regression_metrics() -> MetricCollection:
    """Metrics of predictions `preds` (n, K), targets `target` (n, K) and losses `value` (n,)."""
    return MetricCollection(
        {"loss": MeanMetric("error"), "mse": MeanSquaredError(), "mae": MeanAbsoluteError(), "r2": DefinedR2Score()}
    )
