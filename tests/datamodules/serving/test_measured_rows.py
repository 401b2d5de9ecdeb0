"""Batches from which nothing is learnt: as large as saves time, and the numbers are those of small ones."""

from typing import Any

import pytest
import torch
from pytorch_lightning import seed_everything

from datamodules import DigitsDataModule, MNISTTwoViewDataModule
from datamodules.serving import measured_rows as module
from datamodules.serving.measured_rows import measured_rows
from lightning_modules import MLP
from lightning_modules.optimizers import DiagonalNewton
from tests.training import make_trainer


@pytest.mark.parametrize(
    ("batch_size", "numbers", "expected"),
    [(None, 64, None), (1, 64, 1024), (64, 784, 1024), (2000, 64, 2000), (8, 3 * 224 * 224, 13), (8, 10**7, 8), (8, 0, 1024)],
)
def test_rows_of_a_batch(batch_size: int | None, numbers: int, expected: int | None) -> None:
    assert measured_rows(batch_size, torch.zeros(3, numbers, dtype=torch.uint8)) == expected


def numbers_of(batch_size: int) -> tuple[list[int], dict[str, Any]]:
    """Rows of each batch of validation, and what is measured after a short fit."""
    seed_everything(0, verbose=False)
    data, model = DigitsDataModule(batch_size=batch_size), MLP((64, 8, 10), optimizer=DiagonalNewton)
    trainer = make_trainer(2, limit_val_batches=1.0)
    trainer.fit(model, data)
    return [len(labels) for _, labels in data.val_dataloader()], trainer.validate(model, data, verbose=False)[0]


def test_metrics_are_those_of_small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    large, found = numbers_of(100)
    monkeypatch.setattr(module, "MEASURED_ROWS", 1)
    small, expected = numbers_of(100)
    assert len(large) == 1 < len(small) == 4
    assert {"val/loss", "val/accuracy"} <= found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-12), name


LIMITS: dict[str, dict[str, Any]] = {
    "a number": {"limit_val_batches": 1},
    "a share": {"limit_val_batches": 0.5},
    "of the test": {"limit_test_batches": 3},
    "a dry run": {"fast_dev_run": True},
    "overfitted": {"overfit_batches": 2},
}


@pytest.mark.parametrize("name", LIMITS)
def test_who_limits_batches_counts_those_of_training(name: str) -> None:
    data = DigitsDataModule(batch_size=50)
    data.trainer = make_trainer(1, **LIMITS[name])
    assert data.evaluation_batch_size == 50
    for free in ({"limit_val_batches": 1.0}, {"limit_val_batches": 0}, {"limit_train_batches": 2}):
        data.trainer = make_trainer(1, **free)
        assert data.evaluation_batch_size == 1024


def test_a_loss_of_pairs_is_measured_over_as_many_as_it_is_trained_on() -> None:
    """Of two views of each image the loss depends on which others are in the batch."""
    assert MNISTTwoViewDataModule(batch_size=96).evaluation_batch_size == 96
