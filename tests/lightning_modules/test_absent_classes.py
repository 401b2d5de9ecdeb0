"""Classes without a row in the part that is measured: no number is made up, none warned of."""

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score, log_loss, roc_auc_score
from torch import Tensor
from torchmetrics import MetricCollection

from lightning_modules import LogisticRegression
from lightning_modules.optimizers import Newton
from lightning_modules.training.area_under_roc import area_under_roc
from lightning_modules.training.classification_metrics import classification_metrics
from lightning_modules.training.measurement import Measurement

CLASSES = 4


def measured(metrics: MetricCollection, preds: Tensor, target: Tensor) -> dict[str, float]:
    """As a model's evaluation measures it, in two batches."""
    measurement = Measurement(metrics, lambda batch: batch)
    value = -(preds if preds.ndim == 2 else torch.stack([1 - preds, preds], 1))[torch.arange(len(target)), target].log()
    for rows in torch.arange(len(target)).chunk(2):
        measurement.add({"preds": preds[rows], "target": target[rows], "value": value[rows]})
    return {name: float(value) for name, value in measurement.values().items()}


def probabilities(n: int) -> Tensor:
    return torch.rand(n, CLASSES, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).softmax(1)


@pytest.mark.parametrize("present", [(0, 1, 2, 3), (0, 2, 3), (1, 3)])
def test_the_area_is_the_mean_over_the_classes_that_have_one(present: tuple[int, ...]) -> None:
    preds, target = probabilities(30), torch.tensor(present)[torch.arange(30) % len(present)]
    found, y, p = measured(classification_metrics(CLASSES), preds, target), target.numpy(), preds.numpy()
    expected = {
        "loss": log_loss(y, p, labels=range(CLASSES)),
        "accuracy": accuracy_score(y, p.argmax(1)),
        "f1": f1_score(y, p.argmax(1), average="macro", zero_division=0),
        "auroc": np.mean([roc_auc_score(y == label, p[:, label]) for label in present]),
    }
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("label", [0, 1])
def test_rows_of_one_class_have_no_area(label: int) -> None:
    target = torch.full((9,), label)
    found = measured(classification_metrics(CLASSES), probabilities(9), target)
    assert set(found) == {"loss", "accuracy", "f1"} and np.isfinite(list(found.values())).all()
    binary = LogisticRegression(3, optimizer=Newton).metrics()
    found = measured(binary, probabilities(9)[:, 0], target)
    assert set(found) == {"loss", "accuracy", "f1"} and np.isfinite(list(found.values())).all()
    target[4] = 1 - label
    assert "auroc" in measured(binary, probabilities(9)[:, 0], target), "control: one row of the other class is enough"


def test_an_area_that_is_not_there_is_not_zero() -> None:
    scores = torch.tensor([0.1, 0.9])
    assert area_under_roc(scores, torch.tensor([True, True])).isnan()
    assert area_under_roc(scores, torch.tensor([True, False])) == 0, "control: the worst order is"
