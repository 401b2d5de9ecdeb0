"""Weights, an offset and weights by class on a device, also of rows that have no room there: the numbers of the CPU."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.utils import parameters_to_vector

from callbacks import ConfusionMatrix, ConvergenceStatus, TestMetrics, TrainMetrics
from datamodules import ArrayDataModule
from datamodules.serving import split_data_module
from datamodules.serving.room import Room
from lightning_modules import LogisticRegression
from lightning_modules.optimizers import Newton
from tests.callbacks.memory_logger import MemoryLogger
from tests.simulated_device import on_the_device
from tests.training import make_trainer

GENERATOR = np.random.default_rng(0)
X, WEIGHTS, OFFSET = GENERATOR.normal(size=(200, 3)), GENERATOR.integers(0, 4, 200), GENERATOR.normal(size=200)
Y = (X[:, 0] + GENERATOR.logistic(size=200) > 0).astype(int)


def fitted(**options: Any) -> tuple[dict[str, float], torch.Tensor, str | None]:
    data = ArrayDataModule(X, Y, weights=WEIGHTS, offset=OFFSET, class_weight="balanced")
    model, status = LogisticRegression(3, offset=True, optimizer=Newton), ConvergenceStatus()
    watching = (status, TestMetrics(), TrainMetrics(), ConfusionMatrix())
    trainer = make_trainer(12, *watching, logger=MemoryLogger(), limit_val_batches=1.0, **options)
    trainer.fit(model, data)
    (metrics,) = trainer.test(model, data, verbose=False)
    return dict(metrics), parameters_to_vector(model.parameters()).detach().cpu(), status.status


@pytest.mark.parametrize("has_room", [True, False])
def test_a_device_has_the_numbers_of_the_cpu(has_room: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    metrics, theta, status = fitted()
    monkeypatch.setattr(split_data_module, "EVALUATION_ROWS", 50)  # fewer than there are
    monkeypatch.setattr(Room, "has_room", lambda *_: has_room)
    there = fitted(**on_the_device())
    assert there[0] == pytest.approx(metrics, rel=1e-10) and there[2] == status == "converged"
    torch.testing.assert_close(there[1], theta, rtol=1e-10, atol=1e-10)
