"""How well a classifier predicts."""

from torchmetrics import MeanMetric, MetricCollection
from torchmetrics.classification import MulticlassAccuracy, MulticlassAUROC, MulticlassF1Score


def classification_metrics(num_classes: int) -> MetricCollection:
    """Metrics of class probabilities `preds` (n, K), labels `target` (n,) and losses `value` (n,)."""
    return MetricCollection(
        {
            "loss": MeanMetric("error"),
            "accuracy": MulticlassAccuracy(num_classes, average="micro"),
            "f1": MulticlassF1Score(num_classes, average="macro"),
            "auroc": MulticlassAUROC(num_classes, average="macro"),
        }
    )
