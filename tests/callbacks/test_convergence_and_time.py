"""The verdict, the clock and the curvature charts."""

import time
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from callbacks import ConvergenceStatus, CurvatureDiagnostics, TrainingTime
from datamodules import BreastCancerDataModule, IrisDataModule
from lightning_modules.optimizers import Newton
from tests.callbacks.memory_logger import MemoryLogger
from tests.training import METHODS, ON_BATCHES, make_model, make_trainer


@pytest.mark.parametrize(("l2", "epochs", "status"), [(0.01, 50, "converged"), (0.0, 50, "separated"), (0.01, 2, "budget")])
def test_status(l2: float, epochs: int, status: str) -> None:
    data, verdict = BreastCancerDataModule(), ConvergenceStatus()
    make_trainer(epochs, verdict).fit(make_model(data, Newton, l2), data)
    assert verdict.status == status
    assert "largest gradient entry" in verdict.message
    if status == "separated":
        assert any(repr(name) in verdict.message for name in data.feature_names)


@pytest.mark.parametrize("method", ON_BATCHES)
def test_every_method_gets_a_verdict_on_all_rows(method: str) -> None:
    data, verdict = IrisDataModule(batch_size=50), ConvergenceStatus()
    model = make_model(data, METHODS[method])
    make_trainer(2, verdict).fit(model, data)
    assert verdict.status in ("budget", "stalled")
    theta = torch.nn.utils.parameters_to_vector(model.parameters()).detach()
    largest = model.objective(data.splits["train"]).at(theta).gradient.abs().max()
    assert f"largest gradient entry {largest:.1e}" in verdict.message


class Sleeper(Callback):
    """Sleeps in training and, longer, in everything that is not training."""

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        time.sleep(0.02)

    def on_validation_batch_end(self, *args: Any) -> None:
        time.sleep(0.3)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        time.sleep(0.3)


def test_training_time_excludes_evaluation(tmp_path: Path) -> None:
    data, clock, logger = IrisDataModule(), TrainingTime(), MemoryLogger()
    trainer = make_trainer(3, clock, Sleeper(), logger=logger, limit_val_batches=1.0)
    model = make_model(data, METHODS["adam"])
    trainer.fit(model, data)
    assert clock.seconds >= 3 * 0.02
    assert clock.seconds < 2 * 3 * 0.3, "six sleeps of 0.3 s lie outside of training"
    logged = list(logger.values["time/train_seconds"].values())
    assert logged == sorted(logged)
    assert logged[-1] == clock.seconds
    checkpoint = tmp_path / "last.ckpt"
    trainer.save_checkpoint(checkpoint)
    spent, clock.seconds = clock.seconds, 7.5
    trainer.test(model, data, ckpt_path=checkpoint, weights_only=True, verbose=False)
    assert clock.seconds == 7.5, "who tests a checkpoint's weights does not ask for its time"
    clock.seconds = spent
    other = TrainingTime()
    other.load_state_dict(clock.state_dict())
    assert other.seconds == clock.seconds


@pytest.mark.filterwarnings("ignore:The number of training batches")
@pytest.mark.parametrize(
    ("batch_size", "every", "limit_val", "expected"),
    [
        (None, 1, 0.0, [*range(7)]),
        (None, 3, 0.0, [2, 5, 6]),
        (None, 50, 0.0, [6]),
        (None, 50, 1.0, [*range(7)]),
        (30, 50, 0.0, [20]),
        (30, 4, 0.0, [5, 8, 11, 17, 20]),
    ],
)
def test_training_time_is_logged_of_epochs_with_a_logged_step(
    batch_size: int | None, every: int, limit_val: float, expected: list[int]
) -> None:
    """Of 90 rows, in one batch or in three."""
    data, logger = IrisDataModule(batch_size=batch_size), MemoryLogger()
    trainer = make_trainer(7, TrainingTime(), logger=logger, limit_val_batches=limit_val, log_every_n_steps=every)
    trainer.fit(make_model(data, METHODS["adam"]), data)
    assert list(logger.values["time/train_seconds"]) == expected


def test_curvature_is_logged() -> None:
    data, logger = BreastCancerDataModule(), MemoryLogger()
    model = make_model(data, Newton)
    make_trainer(4, CurvatureDiagnostics(), logger=logger).fit(model, data)
    values = logger.values
    for name in ("damping", "gain_ratio", "newton_decrement", "gradient_max", "eigenvalue_min", "eigenvalue_max", "condition"):
        assert len(values[f"curvature/{name}"]) == 4
    start = model.objective(data.splits["train"]).at(torch.zeros(31, dtype=torch.float64)).curvature("hessian").matrix()
    eigenvalues = torch.linalg.eigvalsh(start)
    assert values["curvature/eigenvalue_min"][0] == pytest.approx(float(eigenvalues[0]))
    assert values["curvature/condition"][0] == pytest.approx(float(eigenvalues[-1] / eigenvalues[0]))


def test_spectrum_is_skipped_for_many_parameters() -> None:
    data, logger = BreastCancerDataModule(), MemoryLogger()
    make_trainer(2, CurvatureDiagnostics(max_parameters=30), logger=logger).fit(make_model(data, Newton), data)
    assert "curvature/damping" in logger.values
    assert "curvature/condition" not in logger.values
