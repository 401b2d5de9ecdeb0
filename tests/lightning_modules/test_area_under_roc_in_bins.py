"""The area under the ROC curve of more rows than are kept: off by less than it says, in any order, on any process."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor
from torchmetrics import MetricCollection

import lightning_modules.training.area_under_roc as module
from lightning_modules.training.area_under_roc import (
    BinaryAreaUnderROC,
    MulticlassAreaUnderROC,
    area_under_roc,
)
from lightning_modules.training.measurement import Measurement
from lightning_modules.training.score_bins import ScoreBins, numbers_of

ROWS, BINS = 60_000, 2**10


def logits(spread: float, shift: float = 0.0) -> Callable[[], Tensor]:
    return lambda: shift + spread * torch.randn(ROWS, dtype=torch.float64)


SCORES: dict[str, Callable[[], Tensor]] = {
    "logistic": lambda: torch.sigmoid(logits(2)()),
    "near 0": lambda: torch.sigmoid(logits(2, -25)()),
    "near 1": lambda: torch.sigmoid(logits(2, 25)()),
    "at both ends": lambda: torch.sigmoid(logits(40)()),
    "close together": lambda: 0.5 + 1e-9 * torch.randn(ROWS, dtype=torch.float64),
    "single precision": lambda: torch.sigmoid(logits(2)()).float().double(),
    "some equal": lambda: (torch.sigmoid(logits(2)()) * 5000).floor() / 5000,
}


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    monkeypatch.setattr(module, "MOST_SCORES", 5000)
    monkeypatch.setattr(module, "MOST_WAITING", 3000)
    monkeypatch.setattr(module, "MOST_BINS", BINS)


def counted(scores: Tensor, is_class: Tensor, batch: int) -> ScoreBins:
    bins = ScoreBins.of(scores[:0], is_class[:0])
    for some, of in zip(scores.split(batch), is_class.split(batch), strict=True):
        bins = bins.merged(ScoreBins.of(some, of), BINS)
    return bins


@pytest.mark.parametrize("name", SCORES)
def test_it_is_off_by_less_than_it_says_and_that_is_little(name: str) -> None:
    scores = SCORES[name]()
    is_class = torch.rand(ROWS) < 0.3 + 0.4 * (scores.argsort().argsort() / ROWS)
    bins = counted(scores, is_class, 7000)
    area, error = bins.area()
    assert len(bins.first) <= BINS
    assert abs(area - roc_auc_score(is_class, scores)) <= error < 4 / BINS


def test_where_it_cannot_be_told_the_bound_says_so() -> None:
    """Half of all scores in a place so narrow that the others leave one bin for it; if they are equal, the area is right."""
    scores = torch.where(torch.rand(ROWS) < 0.5, 0.3 + 1e-12 * torch.randn(ROWS, dtype=torch.float64), torch.rand(ROWS))
    is_class = torch.rand(ROWS) < 0.3 + 0.4 * (scores.argsort().argsort() / ROWS)
    area, error = counted(scores, is_class, 7000).area()
    assert 1e-3 < abs(area - roc_auc_score(is_class, scores)) < error
    scores = torch.where((scores - 0.3).abs() < 1e-9, 0.3, scores)
    area, error = counted(scores, is_class, 7000).area()
    assert abs(area - roc_auc_score(is_class, scores)) < 1e-3 < error


@pytest.mark.parametrize("name", ["logistic", "at both ends", "some equal"])
def test_counts_do_not_depend_on_the_order_of_the_rows(name: str) -> None:
    scores = SCORES[name]()
    is_class = torch.rand(ROWS) < scores
    expected = counted(scores, is_class, 7000)
    for batch, order in ((333, torch.randperm(ROWS)), (ROWS, torch.arange(ROWS)), (7000, scores.argsort())):
        found = counted(scores[order], is_class[order], batch)
        assert found.shift == expected.shift
        for part in ("first", "last", "of_class", "others"):
            assert torch.equal(getattr(found, part), getattr(expected, part))


def test_few_different_scores_are_counted_exactly() -> None:
    scores = torch.randint(0, BINS, (ROWS,)) / BINS
    is_class = torch.rand(ROWS) < scores
    area, error = counted(scores, is_class, 7000).area()
    assert error == 0 and area == pytest.approx(float(area_under_roc(scores, is_class)), rel=1e-14)


def test_numbers_sort_like_scores_and_tell_them_apart() -> None:
    ends = torch.tensor([0.0, 5e-324, 1e-300, 0.25, 0.5 - 2**-54, 0.5, 0.5 + 2**-53, 1 - 2**-53, 1.0], dtype=torch.float64)
    scores = torch.cat([ends, torch.rand(1000, dtype=torch.float64)]).sort().values
    assert (numbers_of(scores).diff() > 0).all()
    assert numbers_of(torch.tensor([-0.0])) == numbers_of(torch.tensor([0.0]))


def test_of_one_class_there_is_none() -> None:
    for of in (torch.ones, torch.zeros):
        area, error = counted(torch.rand(ROWS), of(ROWS).bool(), 7000).area()
        assert area.isnan() and error.isnan()


def binary() -> tuple[Any, Tensor, Tensor]:
    preds = torch.rand(ROWS, dtype=torch.float64)
    return BinaryAreaUnderROC(), preds, (torch.rand(ROWS) < preds).long()


def multiclass() -> tuple[Any, Tensor, Tensor]:
    preds = torch.softmax(2 * torch.randn(ROWS, 4, dtype=torch.float64), 1)
    labels = torch.where(torch.rand(ROWS) < 0.5, preds.argmax(1), torch.randint(0, 3, (ROWS,)))
    labels[labels == 3] = 0  # no row is of the last class
    return MulticlassAreaUnderROC(4), preds, labels


@pytest.mark.parametrize("make", [binary, multiclass])
def test_a_metric_keeps_few_rows_and_says_how_far_off_it_may_be(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    metric, preds, target = make()
    for some, of in zip(preds.split(500), target.split(500), strict=True):
        metric.update(some, of)
        assert sum(part.numel() for part in metric.preds) <= 5000
        assert sum(map(len, metric.bins)) <= BINS
    found, note = float(metric.compute()), metric.note
    assert note.startswith(f"of {ROWS} rows") and "at most" in note
    monkeypatch.setattr(module, "MOST_SCORES", preds.numel())
    whole = make()[0]
    whole.update(preds, target)
    assert whole.note is None and not whole.bins
    assert 0 < abs(found - float(whole.compute())) < float(note.split()[-2])


def test_the_user_is_told_once_and_of_few_rows_nothing(caplog: pytest.LogCaptureFixture) -> None:
    _, preds, target = binary()
    told: set[str] = set()
    values = []
    with caplog.at_level("INFO", "lightning_modules"):
        for rows in (4000, ROWS, ROWS):
            measurement = Measurement(MetricCollection({"auroc": BinaryAreaUnderROC()}), lambda batch: batch, told)
            for some, of in zip(preds[:rows].split(500), target[:rows].split(500), strict=True):
                measurement.add({"preds": some, "target": of})
            values.append(float(measurement.values()["auroc"]))
            assert len(caplog.messages) == (rows == ROWS)
    assert caplog.messages[0].startswith(f"auroc: of {ROWS} rows")
    assert values[1] == values[2]
