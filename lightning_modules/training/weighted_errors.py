"""Mean errors of rows that count by their weights; torchmetrics' own count every row once."""

from torch import Tensor
from torchmetrics import MeanAbsoluteError, MeanSquaredError


class WeightedSquaredError(MeanSquaredError):
    """Mean over all numbers of (n, K) predictions and targets."""

    def update(self, preds: Tensor, target: Tensor, weight: Tensor | None = None) -> None:
        """Predictions and targets (n, K) or (n,), and weights (n,)."""
        if weight is None:
            super().update(preds, target)
            return
        by_number = _by_number(preds, weight)
        self.sum_squared_error = self.sum_squared_error + (by_number * (preds - target).square()).sum()
        self.total = self.total + by_number.sum()


class WeightedAbsoluteError(MeanAbsoluteError):
    """Mean over all numbers of (n, K) predictions and targets."""

    def update(self, preds: Tensor, target: Tensor, weight: Tensor | None = None) -> None:
        """Predictions and targets (n, K) or (n,), and weights (n,)."""
        if weight is None:
            super().update(preds, target)
            return
        by_number = _by_number(preds, weight)
        self.sum_abs_error = self.sum_abs_error + (by_number * (preds - target).abs()).sum()
        self.total = self.total + by_number.sum()


def _by_number(preds: Tensor, weight: Tensor) -> Tensor:
    """Each row's weight (n,) for all of its numbers: (n, …)."""
    return weight.reshape(-1, *(1,) * (preds.ndim - 1)).expand_as(preds)
