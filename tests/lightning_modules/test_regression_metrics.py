"""R², mse, mae and loss of real targets in any unit, however the rows are served: scikit-learn's are the oracle."""

import math
import sys
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score
from torch import Tensor
from torchmetrics import R2Score

from lightning_modules.training import regression_metrics
from lightning_modules.training.measurement import Measurement
from lightning_modules.training.regression_metrics import DefinedR2Score

MEANS = [0.0, 1.0, -1e3, 1e6, 1e9]
DEVIATIONS = [1e-12, 1e-9, 1e-6, 1e-3, 1.0, 1e3, 1e6, 1e12]
ROWS = 211


def rows(mean: float, deviation: float, targets: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Predictions and targets (n, K)."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(2, ROWS, targets, dtype=torch.float64, generator=generator)
    return mean + deviation * (noise[0] + 0.3 * noise[1]), mean + deviation * noise[0]


def measured(preds: Tensor, target: Tensor, batch_size: int = ROWS) -> dict[str, float]:
    """As a model's evaluation measures it."""
    measurement = Measurement(regression_metrics(), lambda batch: batch)
    for p, y in zip(preds.split(batch_size), target.split(batch_size), strict=True):
        measurement.add({"preds": p, "target": y, "value": 0.5 * (p - y).square().sum(1)})
    return {name: float(value) for name, value in measurement.values().items()}


@pytest.mark.parametrize("targets", [1, 3])
@pytest.mark.parametrize("deviation", DEVIATIONS)
@pytest.mark.parametrize("mean", MEANS)
def test_they_are_scikit_learns_in_any_unit(mean: float, deviation: float, targets: int) -> None:
    preds, target = rows(mean, deviation, targets)
    for batch_size in (1, ROWS) if deviation == 1 else (50,):
        found = measured(preds, target, batch_size)
        assert found["r2"] == pytest.approx(r2_score(target.numpy(), preds.numpy()), rel=1e-9, abs=1e-9)
        assert found["mse"] == pytest.approx(mean_squared_error(target.numpy(), preds.numpy()), rel=1e-12)
        assert found["mae"] == pytest.approx(mean_absolute_error(target.numpy(), preds.numpy()), rel=1e-12)
        assert found["loss"] == pytest.approx(float((preds - target).square().sum(1).mean()) / 2, rel=1e-12)


def test_control_the_definition_with_an_absolute_threshold_is_far_off() -> None:
    preds, target = (part[:50] for part in rows(0.0, 1e-3, 1))
    wrong = R2Score()
    wrong.update(0 * preds, target)
    right = measured(0 * preds, target)["r2"]
    assert float(wrong.compute()) == 1.0 and right == pytest.approx(r2_score(target.numpy(), 0 * preds.numpy()))


@pytest.mark.parametrize("constant", [0.0, 0.1, 3.3, -7.0, 1e-12, 1e9, 1e9 + 0.1])
@pytest.mark.parametrize("count", [2, 3, 7, 1000])
def test_constant_targets_are_met_or_not(constant: float, count: int) -> None:
    target = torch.full((count, 1), constant, dtype=torch.float64)
    assert measured(target.clone(), target, count)["r2"] == 1
    assert measured(target + 1, target, count)["r2"] == 0


def test_one_constant_target_among_others_counts_as_one_of_them() -> None:
    preds, target = rows(5.0, 1.0, 3)
    target[:, 1] = 2.0
    expected = r2_score(target.numpy(), preds.numpy())
    assert measured(preds, target, 17)["r2"] == pytest.approx(expected, rel=1e-12)


def test_what_has_no_r2_is_left_out_and_ends_no_run() -> None:
    preds, target = rows(0.0, 1.0, 1)
    assert set(measured(preds[:1], target[:1])) == {"loss", "mse", "mae"}
    assert set(measured(preds[:2], target[:2])) == {"loss", "mse", "mae", "r2"}, "control"
    diverged = measured(preds * math.inf, target)
    assert "r2" not in diverged and math.isinf(diverged["mse"]), "what became of the numbers is shown"
    metric: Any = regression_metrics()["r2"]
    metric.update(preds * math.inf, target)
    assert math.isnan(metric.compute())
    with pytest.raises(ValueError, match="number by number"):
        metric.update(preds, target[:, 0])


def test_single_precision_is_judged_as_the_numbers_it_holds() -> None:
    preds, target = (part.float() for part in rows(1e3, 1.0, 2))
    expected = r2_score(target.double().numpy(), preds.double().numpy())
    assert measured(preds, target, 10)["r2"] == pytest.approx(expected, rel=1e-12)
    assert float(np.float32(expected)) != expected, "in single precision the digits would be lost"


@pytest.mark.parametrize("mean", MEANS)
def test_of_more_numbers_than_are_kept_it_is_the_same(mean: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative to one of the targets, which loses no digit: scikit-learn rounds the mean of large numbers as it does these."""
    monkeypatch.setattr(sys.modules[DefinedR2Score.__module__], "MOST_NUMBERS", 100)
    for deviation in (1e-3, 1.0, 1e6):
        preds, target = rows(mean, deviation, 3)
        expected = r2_score((target - target[0]).numpy(), (preds - target[0]).numpy())
        for batch_size in (1, 7, 100):
            assert measured(preds, target, batch_size)["r2"] == pytest.approx(expected, rel=1e-12)
        assert "r2" not in measured(preds * math.inf, target, 7)
    metric: Any = regression_metrics()["r2"]
    metric.update(preds, target)
    assert not metric.preds and [part.shape for part in metric.squares] == [(1, 5, 3)]
    constant = torch.full((500, 1), mean + 0.1, dtype=torch.float64)
    assert [measured(constant + wrong, constant, 7)["r2"] for wrong in (0, 1)] == [1, 0]
