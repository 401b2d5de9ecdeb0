"""Between the steps a device is waited for a few times an epoch, however many metrics, parts and batches are looked at."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from pytorch_lightning import Callback

from callbacks import (
    CoefficientIntervals,
    ConfusionMatrix,
    ConvergenceStatus,
    FitProgress,
    MetricCharts,
    MonitoredValues,
    ReplicaCheck,
    StopDecision,
    TestMetrics,
    TrainingTime,
    TrainMetrics,
)
from datamodules import ArrayDataModule, BreastCancerDataModule, DigitsDataModule
from lightning_modules.optimizers import DiagonalNewton, GradientDescent, Newton
from lightning_modules.training.measurement import Measurement, NonFinitePredictionError
from tests.callbacks.memory_logger import MemoryLogger
from tests.simulated_device import DEVICE, Counts, counting, on_the_device
from tests.training import make_model, make_trainer

MOST_WAITS, EPOCHS = 10, 4


def real_targets(**options: Any) -> ArrayDataModule:
    generator = np.random.default_rng(0)
    return ArrayDataModule(generator.normal(size=(400, 20)), generator.normal(size=400), **options)


DATA: dict[str, Callable[..., Any]] = {
    "two classes": BreastCancerDataModule,
    "classes": DigitsDataModule,
    "targets": real_targets,
}
METHODS: dict[str, Any] = {
    "newton": Newton,
    "diagonal_newton": DiagonalNewton,
    "gradient_descent": partial(GradientDescent, lr=0.01),
    "adam": partial(torch.optim.Adam, lr=0.01),
}


class BetweenSteps(Callback):
    """Counts waits and blocking copies from the end of a step to the start of the next; first of all callbacks."""

    def __init__(self, counts: Counts) -> None:
        self._counts, self._since = counts, 0
        self.found: list[int] = []

    def _now(self) -> int:
        return len(self._counts.waits) + len(self._counts.copies)

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        self.found.append(0)
        self._since = self._now()

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        self.found[-1] += self._now() - self._since

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self._since = self._now()


class End(Callback):
    """The end of an epoch, last of all callbacks."""

    def __init__(self, between: BetweenSteps) -> None:
        self._between = between

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        self._between.found[-1] += self._between._now() - self._between._since


def waits(data: Any, method: Any) -> list[int]:
    """By epoch, beside the steps, under what `fit.py` watches."""
    with counting() as counts:
        between, status = BetweenSteps(counts), ConvergenceStatus()
        watching = [TrainingTime(), TestMetrics(), TrainMetrics(), status, CoefficientIntervals(status), ConfusionMatrix()]
        watching += [MetricCharts(), ReplicaCheck(), StopDecision(), MonitoredValues(), FitProgress(), End(between)]
        options = {"logger": MemoryLogger(), "limit_val_batches": 1.0, "enable_progress_bar": True}
        make_trainer(EPOCHS, between, *watching, **options, **on_the_device()).fit(make_model(data, method), data)
    return between.found


@pytest.mark.parametrize("data", ["two classes", *(pytest.param(name, marks=pytest.mark.slow) for name in list(DATA)[1:])])
@pytest.mark.parametrize(
    ("method", "batch_size"),
    [*((method, None) for method in METHODS), ("gradient_descent", 100), ("diagonal_newton", 100), ("adam", 100)],
)
def test_numbers_of_an_epoch_are_read_together(data: str, method: str, batch_size: int | None) -> None:
    found = waits(DATA[data](batch_size=batch_size), METHODS[method])
    # The first epoch makes the metrics; of least squares Newton's method needs two.
    assert 1 < len(found) <= EPOCHS and max(found[1:]) <= MOST_WAITS, found


def test_metrics_that_are_made_anew_and_checked_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: as torchmetrics is without this."""
    monkeypatch.setattr("lightning_modules.training.measurement._leave_unchecked", lambda metric: None)
    made = Measurement.__init__
    monkeypatch.setattr(Measurement, "__init__", lambda self, metrics, evaluate, *_: made(self, metrics, evaluate))
    assert min(waits(BreastCancerDataModule(), METHODS["gradient_descent"])[1:]) > 2 * MOST_WAITS


@pytest.mark.parametrize("data", DATA)
def test_metrics_of_a_device_are_those_of_the_processor(data: str) -> None:
    found = []
    for options in ({}, on_the_device()):
        torch.manual_seed(0)
        logger, rows = MemoryLogger(), DATA[data](batch_size=50)
        model = make_model(rows, METHODS["gradient_descent"])
        make_trainer(2, TestMetrics(), logger=logger, limit_val_batches=1.0, **options).fit(model, rows)
        found.append({name: list(values.values()) for name, values in logger.values.items()})
    here, there = found
    assert here.keys() == there.keys() and len([name for name in here if name.startswith("test/")]) >= 4
    for name, values in here.items():
        assert there[name] == pytest.approx(values, rel=1e-12), name


@pytest.mark.parametrize("place", [torch.device("cpu"), DEVICE], ids=["here", "there"])
@pytest.mark.parametrize("data", DATA)
def test_predictions_that_are_not_finite_are_refused_there_too(data: str, place: torch.device) -> None:
    rows = DATA[data]()
    model = make_model(rows, METHODS["gradient_descent"]).double()
    torch.nn.init.constant_(next(model.parameters()), float("nan"))
    model.to(place)
    measurement, part = (
        model.measurement(),
        tuple(tensor.to(place) for tensor in rows.convert(rows.splits["val"], torch.float64)),
    )
    with pytest.raises(NonFinitePredictionError, match=rf"{len(part[0])} of {len(part[0])} predictions are not finite"):
        measurement.add(part)
        measurement.values()


def test_metrics_are_kept_within_a_run_only() -> None:
    data = DigitsDataModule()
    model = make_model(data, METHODS["gradient_descent"])
    make_trainer(2, TestMetrics(), logger=MemoryLogger(), limit_val_batches=1.0).fit(model, data)
    assert not model._idle_metrics
    first, second = model.measurement(), model.measurement()
    assert first._metrics is not second._metrics
