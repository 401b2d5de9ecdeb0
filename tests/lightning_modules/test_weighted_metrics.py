"""A row of weight 2 counts as two rows in every metric."""

import sys
from collections.abc import Callable

import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score, mean_absolute_error, mean_squared_error, r2_score, roc_auc_score
from torch import Tensor
from torchmetrics import MeanAbsoluteError, MeanMetric, MeanSquaredError, MetricCollection
from torchmetrics.classification import BinaryAccuracy, BinaryF1Score, MulticlassAccuracy, MulticlassF1Score

from lightning_modules.training import area_under_roc, regression_metrics
from lightning_modules.training.classification_metrics import binary_metrics, classification_metrics
from lightning_modules.training.measurement import Measurement
from lightning_modules.training.regression_metrics import DefinedR2Score
from tests.simulated_device import DEVICE

ROWS = 400
KINDS: dict[str, Callable[[], MetricCollection]] = {
    "real": regression_metrics,
    "binary": binary_metrics,
    "classes": lambda: classification_metrics(4),
}


def rows_of(kind: str) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    value = torch.rand(ROWS, dtype=torch.float64, generator=generator)
    noise = torch.randn(ROWS, 4, dtype=torch.float64, generator=generator)
    if kind == "real":
        return {"preds": noise[:, :2] + 1e6, "target": noise[:, :2] + noise[:, 2:] + 1e6, "value": value}
    preds = ((5 * noise).round() / 5).softmax(1)  # with ties
    labels = torch.randint(3, (ROWS,), generator=generator)  # the last class has no row
    return {"preds": preds[:, 0], "target": labels % 2, "value": value} if kind == "binary" else {
        "preds": preds,
        "target": labels,
        "value": value,
    }  # fmt: skip


def measured(kind: str, rows: dict[str, Tensor], weights: Tensor | None, batch: int = 64) -> dict[str, float]:
    """By batches (features, targets, weights), of which `evaluate` sees row numbers only."""
    found = Measurement(KINDS[kind]().to(rows["value"].device), lambda b: {name: part[b[0]] for name, part in rows.items()})
    numbers = torch.arange(len(rows["value"]), device=rows["value"].device)
    for part in numbers.split(batch):
        found.add((part, part) if weights is None else (part, part, weights[part]))
    return {name: float(value) for name, value in found.values().items()}


@pytest.mark.parametrize("most", [2**20, 100], ids=["kept", "summed"])
@pytest.mark.parametrize("kind", KINDS)
def test_whole_weights_are_repeated_rows(kind: str, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(area_under_roc, "MOST_SCORES", most)
    monkeypatch.setattr(area_under_roc, "MOST_WAITING", most)
    monkeypatch.setattr(sys.modules[DefinedR2Score.__module__], "MOST_NUMBERS", most)
    rows, weights = rows_of(kind), torch.arange(ROWS) % 4 + 1
    repeated = {name: part.repeat_interleave(weights, 0) for name, part in rows.items()}
    by_weight = measured(kind, rows, weights.double())
    assert by_weight == pytest.approx(measured(kind, repeated, None), rel=1e-12)
    assert by_weight != pytest.approx(measured(kind, rows, None), rel=1e-3), "control: the weights change the numbers"
    order = torch.randperm(ROWS, generator=torch.Generator().manual_seed(1))
    permuted = measured(kind, {name: part[order] for name, part in rows.items()}, weights[order].double())
    assert permuted == pytest.approx(by_weight, rel=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_of_one_change_nothing(kind: str) -> None:
    rows = rows_of(kind)
    assert measured(kind, rows, torch.ones(ROWS, dtype=torch.float64)) == pytest.approx(measured(kind, rows, None), rel=1e-14)


@pytest.mark.parametrize("kind", KINDS)
def test_a_device_has_the_numbers_of_the_cpu(kind: str) -> None:
    rows, weights = rows_of(kind), torch.rand(ROWS, dtype=torch.float64) + 0.5
    there = measured(kind, {name: part.to(DEVICE) for name, part in rows.items()}, weights.to(DEVICE))
    assert there == pytest.approx(measured(kind, rows, weights), rel=1e-12)


def test_scikit_learn_has_the_same_numbers() -> None:
    weights = torch.rand(ROWS, dtype=torch.float64, generator=torch.Generator().manual_seed(2)) * 3
    by = {"sample_weight": weights.numpy()}
    real, binary = rows_of("real"), rows_of("binary")
    y, p = real["target"].numpy(), real["preds"].numpy()
    expected = {"mse": mean_squared_error(y, p, **by), "mae": mean_absolute_error(y, p, **by), "r2": r2_score(y, p, **by)}
    loss = float((weights * real["value"]).sum() / weights.sum())
    assert measured("real", real, weights) == pytest.approx({**expected, "loss": loss}, rel=1e-9)
    y, p = binary["target"].numpy(), binary["preds"].numpy()
    expected = {"accuracy": accuracy_score(y, p > 0.5, **by), "f1": f1_score(y, p > 0.5, **by)}
    expected |= {"auroc": roc_auc_score(y, p, **by), "loss": loss}
    assert measured("binary", binary, weights) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("weight", "score"), [(1.0, None), (2.0, 0.0), (3.0, 0.0)])
def test_one_row_of_weight_two_is_two_rows_for_the_coefficient_of_determination(weight: float, score: float | None) -> None:
    row = {"preds": torch.zeros(1, 1), "target": torch.ones(1, 1), "value": torch.ones(1)}
    assert measured("real", row, torch.tensor([weight])).get("r2") == score


def test_a_metric_without_weights_is_not_fed_with_weighted_rows() -> None:
    rows, weights = rows_of("classes"), torch.rand(ROWS)
    metrics = MetricCollection({"loss": MeanMetric("error"), "share": MulticlassAccuracy(4)})
    found = Measurement(metrics, lambda batch: rows)
    found.add((torch.zeros(ROWS), rows["target"]))
    with pytest.raises(ValueError, match=r"the metric 'share' \(MulticlassAccuracy\) takes no weights.*an argument weight"):
        found.add((torch.zeros(ROWS), rows["target"], weights))


def test_without_weights_the_numbers_are_those_of_torchmetrics_to_the_last_bit() -> None:
    theirs = {
        "real": {"mse": MeanSquaredError(), "mae": MeanAbsoluteError()},
        "binary": {"accuracy": BinaryAccuracy(), "f1": BinaryF1Score()},
        "classes": {"accuracy": MulticlassAccuracy(4, average="micro"), "f1": MulticlassF1Score(4, average="macro")},
    }
    for kind, metrics in theirs.items():
        rows = rows_of(kind)
        found = Measurement(MetricCollection(metrics), lambda batch, rows=rows: rows)  # type: ignore[misc]
        found.add((rows["value"], rows["target"]))
        ours = measured(kind, rows, None, ROWS)
        assert {name: float(value) for name, value in found.values().items()} == {name: ours[name] for name in metrics}
