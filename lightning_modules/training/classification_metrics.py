"""How well a classifier predicts."""

from torchmetrics import MeanMetric, MetricCollection

from lightning_modules.training.area_under_roc import BinaryAreaUnderROC, MulticlassAreaUnderROC
from lightning_modules.training.weighted_counts import (
    WeightedAccuracy,
    WeightedBinaryAccuracy,
    WeightedBinaryF1,
    WeightedF1,
)


def classification_metrics(num_classes: int) -> MetricCollection:
    """Metrics of class probabilities `preds` (n, K), labels `target` (n,), losses `value` (n,) and `weight` (n,) if any."""
    return MetricCollection(
        {
            "loss": MeanMetric("error"),
            "accuracy": WeightedAccuracy(num_classes),
            "f1": WeightedF1(num_classes),
            "auroc": MulticlassAreaUnderROC(num_classes),
        }
    )


def binary_metrics() -> MetricCollection:
    """The same of probabilities `preds` of class 1 (n,)."""
    return MetricCollection(
        {
            "loss": MeanMetric("error"),
            "accuracy": WeightedBinaryAccuracy(),
            "f1": WeightedBinaryF1(),
            "auroc": BinaryAreaUnderROC(),
        }
    )
