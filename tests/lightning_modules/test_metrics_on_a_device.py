"""Metrics of rows on a device: the CPU's numbers, with few looks at the device."""

import math
from functools import partial

import pytest
import torch
from torch import Tensor

from lightning_modules.training import measurement
from lightning_modules.training.area_under_roc import area_under_roc
from lightning_modules.training.classification_metrics import classification_metrics
from lightning_modules.training.measurement import Measurement, NonFinitePredictionError
from lightning_modules.training.regression_metrics import regression_metrics
from tests.simulated_device import DEVICE, counting

CPU = torch.device("cpu")
KINDS = {"classification": partial(classification_metrics, 3), "regression": regression_metrics}


def batches(kind: str, number: int = 6) -> list[dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(0)
    made = []
    for rows in range(5, 5 + number):
        value = torch.rand(rows, generator=generator)
        if kind == "regression":
            preds, target = (torch.randn(rows, 2, generator=generator) for _ in range(2))
        else:
            preds = torch.randn(rows, 3, generator=generator).softmax(1)
            target = torch.randint(3, (rows,), generator=generator)
        made.append({"preds": preds, "target": target, "value": value})
    return made


def measured(kind: str, device: torch.device, rows: list[dict[str, Tensor]]) -> dict[str, float]:
    found = Measurement(KINDS[kind]().to(device, non_blocking=True), lambda batch: batch)
    for batch in rows:
        found.add({name: part.to(device, non_blocking=True) for name, part in batch.items()})
    return {name: float(value) for name, value in found.values().items()}


@pytest.mark.parametrize("most_bytes", [measurement.MOST_WAITING_BYTES, 500, 0])
@pytest.mark.parametrize("kind", KINDS)
def test_the_numbers_are_those_of_the_cpu(kind: str, most_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measurement, "MOST_WAITING_BYTES", most_bytes)
    assert measured(kind, DEVICE, batches(kind)) == pytest.approx(measured(kind, CPU, batches(kind)), rel=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_waits_do_not_grow_with_the_batches(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = []
    for number in (2, 20):
        with counting() as counts:
            measured(kind, DEVICE, batches(kind, number))
        waits.append(len(counts.waits))
        assert counts.copies == []
    assert waits[0] == waits[1] <= 12
    monkeypatch.setattr(measurement, "MOST_WAITING_BYTES", 0)  # negative control
    monkeypatch.setattr(measurement, "_leave_unchecked", lambda metric: None)
    with counting() as counts:
        measured(kind, DEVICE, batches(kind, 20))
    assert len(counts.waits) > 3 * waits[0]


def test_what_is_not_finite_is_said_with_the_values_at_the_latest() -> None:
    rows = batches("classification")
    rows[1]["preds"][0] = rows[1]["value"][0] = math.nan
    for device in (CPU, DEVICE):
        with pytest.raises(NonFinitePredictionError, match=r"1 of \d+ predictions are not finite"):
            measured("classification", device, rows)


def test_after_the_values_nothing_is_left() -> None:
    found = Measurement(classification_metrics(3).to(DEVICE), lambda batch: batch)
    for _ in range(2):
        found.add({name: part.to(DEVICE) for name, part in batches("classification")[0].items()})
        values = {name: float(value) for name, value in found.values().items()}
        assert values == pytest.approx(measured("classification", CPU, batches("classification")[:1]), rel=1e-12)


@pytest.mark.parametrize("steps", [3, 50, None], ids=["many equal", "some equal", "all different"])
@pytest.mark.parametrize("positives", ["some", "all", "none"])
def test_the_area_under_the_curve_has_the_bits_of_the_cpu_and_no_wait(steps: int | None, positives: str) -> None:
    scores = torch.rand(500, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    scores = scores if steps is None else (scores * steps).floor() / steps
    is_class = {"some": scores + torch.rand(500) > 1, "all": scores >= 0, "none": scores < 0}[positives]
    there = scores.to(DEVICE), is_class.to(DEVICE)
    with counting() as counts:
        area = area_under_roc(*there)
    assert counts.waits == [] and counts.copies == []
    torch.testing.assert_close(area.cpu(), area_under_roc(scores, is_class), rtol=0, atol=0, equal_nan=True)
