"""How well a classifier predicts."""

from torchmetrics import MeanMetric, MetricCollection
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score

from lightning_modules.training.area_under_roc import MulticlassAreaUnderROC


def classification_metrics(num_classes: int) -> MetricCollection:
    """Metrics of class probabilities `preds` (n, K), labels `target` (n,) and losses `value` (n,)."""
    return MetricCollection(
        {
            "loss": MeanMetric("error"),
            "accuracy": MulticlassAccuracy(num_classes, average="micro"),
            "f1": MulticlassF1Score(num_classes, average="macro"),
            "auroc": MulticlassAreaUnderROC(num_classes),
        }
    )
