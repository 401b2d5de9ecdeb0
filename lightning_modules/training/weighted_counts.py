"""Accuracy and F1 of rows that count by their weights; torchmetrics' own count every row once.

Sums of weights that are whole are counts again, so that a row of weight 2 gives the numbers of two rows, to the last bit.
"""

import torch
from torch import Tensor
from torchmetrics.classification import BinaryAccuracy, BinaryF1Score, MulticlassAccuracy, MulticlassF1Score


class _ByWeight:
    """What is added to torchmetrics' classes: `update` takes weights (n,), and calls theirs without them."""

    _is_weighted = False

    def update(self, preds: Tensor, target: Tensor, weight: Tensor | None = None) -> None:
        """Probabilities (n,) or (n, K), labels and weights of some rows."""
        if weight is None:
            super().update(preds, target)  # type: ignore[misc]
            return
        self._is_weighted = True
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

    def _final_state(self) -> tuple[Tensor, ...]:
        states: tuple[Tensor, ...] = super()._final_state()  # type: ignore[misc]
        # To look whether sums are whole is to wait for a device; counts of rows are.
        return tuple(map(_as_counts, states)) if self._is_weighted else states


def _as_counts(sums: Tensor) -> Tensor:
    return sums.long() if sums.is_floating_point() and bool((sums == sums.round()).all()) else sums


class WeightedBinaryAccuracy(_ByWeight, BinaryAccuracy):  # type: ignore[misc]
    """Share of the rows that are predicted right."""


class WeightedBinaryF1(_ByWeight, BinaryF1Score):  # type: ignore[misc]
    """F1 of class 1."""


class WeightedAccuracy(_ByWeight, MulticlassAccuracy):  # type: ignore[misc]
    """Share of the rows that are predicted right."""

    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes, average="micro")


class WeightedF1(_ByWeight, MulticlassF1Score):  # type: ignore[misc]
    """The mean over the classes of each one's F1."""

    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes, average="macro")
