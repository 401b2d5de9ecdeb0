"""Accuracy and F1 of rows that count by their weights; torchmetrics' own count every row once.

A `Measurement` has the counts in float64, where sums of whole weights are what the counts of repeated rows are.
"""

import torch
from torch import Tensor
from torchmetrics.classification import BinaryAccuracy, BinaryF1Score, MulticlassAccuracy, MulticlassF1Score


class _ByWeight:
    """What is added to torchmetrics' classes: `update` takes weights (n,), and calls theirs without them."""

    def update(self, preds: Tensor, target: Tensor, weight: Tensor | None = None) -> None:
        """Probabilities (n,) or (n, K), labels and weights of some rows."""
        if weight is None:
            super().update(preds, target)  # type: ignore[misc]
            return
        binary = preds.ndim == 1
        predicted = (preds > 0.5).long() if binary else preds.argmax(1)
        classes = 2 if binary else preds.shape[1]
        counts = torch.bincount(target * classes + predicted, weight, classes**2).view(classes, classes)
        tp, all_rows = counts.diag(), counts.sum()
        fp, fn = counts.sum(0) - tp, counts.sum(1) - tp
        parts: tuple[Tensor, ...] = tp, fp, all_rows - tp - fp - fn, fn
        if binary:
            parts = tuple(part[1:] for part in parts)
        elif self.average == "micro":  # type: ignore[attr-defined]
            parts = tuple(part.sum() for part in parts)
        self._update_state(*parts)  # type: ignore[attr-defined]


class WeightedBinaryAccuracy(_ByWeight, BinaryAccuracy):
    """Share of the rows that are predicted right."""


class WeightedBinaryF1(_ByWeight, BinaryF1Score):
    """F1 of class 1."""


class WeightedAccuracy(_ByWeight, MulticlassAccuracy):
    """Share of the rows that are predicted right."""

    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes, average="micro")


class WeightedF1(_ByWeight, MulticlassF1Score):
    """The mean over the classes of each one's F1."""

    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes, average="macro")
