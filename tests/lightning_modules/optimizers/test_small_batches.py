"""Batches of few rows, whose own gradients and curvatures say little of the whole: with nothing tuned, nothing is lost."""

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from datamodules import ArrayDataModule, BreastCancerDataModule, DigitsDataModule
from lightning_modules import (
    GammaRegression,
    LinearRegression,
    LogisticRegression,
    PoissonRegression,
    SoftmaxRegression,
    TorchModel,
)
from lightning_modules.optimizers import DiagonalNewton, GradientDescent, KroneckerNewton, Newton, running_model
from lightning_modules.optimizers.running_state import RunningState
from tests.training import make_trainer

STEPS = 400


def loss_on_test_rows(model: Any, data: Any, **trainer: Any) -> float:
    fitted = make_trainer(-1, max_steps=STEPS, **trainer)
    fitted.fit(model, data)
    return float(fitted.test(model, data, verbose=False)[0]["test/loss"])


def softmax_loss(rows: int, **trainer: Any) -> float:
    model = SoftmaxRegression(64, 10, l2=1e-2, optimizer=DiagonalNewton)
    return loss_on_test_rows(model, DigitsDataModule(batch_size=rows), **trainer)


@pytest.mark.parametrize("rows", [1, 2, 4, 8, 32])
def test_softmax_regression(rows: int) -> None:
    """All rows together end at 0.44, no model at all at 2.3."""
    assert softmax_loss(rows) < 0.8


@pytest.mark.parametrize("rows", [1, 4, 16])
def test_logistic_regression(rows: int) -> None:
    """All rows together end at 0.09."""
    model = LogisticRegression(30, l2=1e-2, optimizer=DiagonalNewton)
    assert loss_on_test_rows(model, BreastCancerDataModule(batch_size=rows)) < 0.2


@pytest.mark.parametrize("rows", [1, 4, 64])
@pytest.mark.parametrize("model", [PoissonRegression, GammaRegression])
def test_counts_and_sizes(model: Any, rows: int) -> None:
    """Losses that bend more and more on one side; Newton's method on all rows is the measure."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(3000, 6))
    mean = np.exp(x @ np.arange(0.1, 0.7, 0.1))
    y = generator.poisson(mean).astype(float) if model is PoissonRegression else generator.gamma(2, mean / 2)
    best, found = (
        loss_on_test_rows(model(6, optimizer=method), ArrayDataModule(x, y, task="regression", batch_size=size))
        for method, size in ((Newton, None), (DiagonalNewton, rows))
    )
    constant = loss_on_test_rows(model(6, optimizer=partial(GradientDescent, lr=1e-12)), ArrayDataModule(x, y, batch_size=rows))
    assert found < best + 0.2 * (constant - best)


def test_with_the_slope_that_a_sample_sees_along_its_own_step_little_is_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control of `next_slope.py`."""

    def own(state: RunningState, point: Any, gradient: Tensor, direction: Tensor, least_share: float) -> None:
        share = max(least_share, 1 / state.steps)
        assert state.slope is not None and state.curvature_along is not None and state.damping is not None
        along = point.curvature("ggn").form(direction[None])[0, 0] + state.damping * (direction @ direction)
        state.slope = state.slope.lerp(-gradient @ direction, share)
        state.curvature_along = state.curvature_along.lerp(along, share)

    monkeypatch.setattr(running_model, "weigh", own)
    assert softmax_loss(1) > 2.3


@pytest.mark.parametrize("rows", [8, 64])
def test_rows_far_out_do_not_throw_the_others_away(rows: int) -> None:
    """One row in 500 is a hundred times as far out, as in tables of incomes or of rooms in a house."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(4000, 5, dtype=torch.float64, generator=generator)
    x[::500] *= 100
    y = x @ torch.arange(1.0, 6.0, dtype=torch.float64) + 0.1 * torch.randn(4000, dtype=torch.float64, generator=generator)
    data = ArrayDataModule(x, y, batch_size=rows, val_fraction=0, test_fraction=0)
    model = LinearRegression(5, optimizer=DiagonalNewton)
    make_trainer(-1, max_steps=STEPS).fit(model, data)
    features, targets = data.splits["train"][:2]
    with torch.no_grad():
        error = (model(features)[:, 0] - targets.flatten()).square()
    assert error.median() < targets.square().median()


def network_loss(method: Any, rows: int, seed: int, **trainer: Any) -> float:
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    model = TorchModel(net, optimizer=method)
    return loss_on_test_rows(model, DigitsDataModule(batch_size=rows), precision="32-true", **trainer)


@pytest.mark.parametrize("method", [DiagonalNewton, KroneckerNewton])
@pytest.mark.parametrize("rows", [2, 4, 8])
def test_networks(method: Any, rows: int) -> None:
    assert network_loss(method, rows, 0) < 0.7


def test_networks_whose_averages_are_of_ten_batches_are_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control of the rows that an average is made of."""
    monkeypatch.setattr(running_model, "MODEL_ROWS", 1)
    assert network_loss(DiagonalNewton, 2, 1) > 1.5
