"""No step sets out to take most of a loss away, so that steps of samples need no step size that falls over the run."""

import math

import pytest
import torch
from torch import Tensor

from datamodules import DigitsDataModule
from lightning_modules import MLP
from lightning_modules.optimizers import DiagonalNewton, within_loss
from tests.training import make_trainer


def number(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


@pytest.mark.parametrize("slope", [0.1, 3.0, 80.0])
@pytest.mark.parametrize("curvature", [0.02, 1.0, 50.0])
def test_a_step_takes_its_share_of_the_loss_or_goes_to_the_minimiser(slope: float, curvature: float) -> None:
    for above in (1e-6, 0.3, 20.0, 1e6):
        length = float(within_loss.within_loss(number(slope), number(curvature), number(above)))
        takes = slope * length - curvature * length**2 / 2
        whole = slope**2 / curvature / 2
        assert takes == pytest.approx(min(whole, within_loss.MOST * above), rel=1e-9)
        assert 0 < length <= slope / curvature * (1 + 1e-12)


def test_where_no_least_loss_is_known_it_goes_to_the_minimiser() -> None:
    assert within_loss.within_loss(number(3.0), number(2.0), None) == 1.5


@pytest.mark.parametrize("above", [None, 0.0, 1.0])
@pytest.mark.parametrize(("slope", "curvature"), [(0.0, 1.0), (-2.0, 1.0), (0.0, 0.0), (1.0, 0.0)])
def test_uphill_and_where_nothing_bends_it_stays(slope: float, curvature: float, above: float | None) -> None:
    least = None if above is None else number(above)
    assert within_loss.within_loss(number(slope), number(curvature), least) == 0


def test_a_loss_at_its_least_leaves_nothing_to_take() -> None:
    assert within_loss.within_loss(number(1.0), number(1.0), number(0.0)) == 0


def test_it_has_the_units_of_the_parameters_alone() -> None:
    slope, curvature, above = number(5.0), number(2.0), number(0.7)
    length = within_loss.within_loss(slope, curvature, above)
    torch.testing.assert_close(within_loss.within_loss(1e3 * slope, 1e3 * curvature, 1e3 * above), length)
    torch.testing.assert_close(within_loss.within_loss(10 * slope, 100 * curvature, above), length / 10)


@pytest.fixture(scope="module")
def digits() -> DigitsDataModule:
    return DigitsDataModule(batch_size=8)


def loss_of_small_batches(digits: DigitsDataModule) -> float:
    torch.manual_seed(0)
    model = MLP([64, 32, 32, 10], activation="relu", optimizer=DiagonalNewton)
    trainer = make_trainer(8, limit_val_batches=1.0)
    trainer.fit(model, digits)
    return float(trainer.validate(model, digits, verbose=False)[0]["val/loss"])


def test_small_batches_need_no_step_size_that_falls(digits: DigitsDataModule, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the bound, the negative control, steps lead to and fro ever farther."""
    assert loss_of_small_batches(digits) < 0.5
    monkeypatch.setattr(within_loss, "MOST", math.inf)
    assert not loss_of_small_batches(digits) < 1
