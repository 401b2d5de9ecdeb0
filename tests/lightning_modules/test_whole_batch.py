"""Whether a method sees all there is to fit, whatever the trainer is limited to."""

from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint
from torch.testing import assert_close

from datamodules import IrisDataModule
from lightning_modules import MLP, SoftmaxRegression
from lightning_modules.optimizers import Newton
from lightning_modules.training.measurement import NonFinitePredictionError
from tests.training import METHODS, make_trainer


class Seen(Callback):
    """What each step was made of, and what was said of it."""

    def __init__(self) -> None:
        self.rows: list[torch.Tensor] = []
        self.objectives: list[float] = []

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.rows.append(batch[0].clone())
        self.objectives.append(float(trainer.callback_metrics["train/objective"]))


@pytest.mark.parametrize("method", ["newton", "adam", "diagonal_newton"])
@pytest.mark.parametrize("batches", [1, 2])
@pytest.mark.filterwarnings("ignore:You requested to overfit")
def test_overfitting_sees_the_same_rows_in_every_epoch(batches: int, method: str) -> None:
    seen, model = Seen(), SoftmaxRegression(4, 3, 0.01, optimizer=METHODS[method])
    make_trainer(3, seen, overfit_batches=batches).fit(model, IrisDataModule(batch_size=20))
    assert len(seen.rows) == 3 * batches
    assert all(torch.equal(rows, seen.rows[number % batches]) for number, rows in enumerate(seen.rows))


@pytest.mark.filterwarnings("ignore:You requested to overfit")
def test_one_overfitted_batch_is_a_training_set_of_its_own() -> None:
    seen, model = Seen(), SoftmaxRegression(4, 3, 0.01, optimizer=Newton)
    trainer = make_trainer(50, seen, overfit_batches=1)
    trainer.fit(model, IrisDataModule(batch_size=20))
    verdict = model.convergence()
    assert verdict.status == "converged" and trainer.current_epoch < 50
    assert model.training_objective().num_rows == 20


def test_one_batch_of_many_is_no_training_set() -> None:
    """Each epoch brings another one, so no method may take it for the whole."""
    seen, model = Seen(), SoftmaxRegression(4, 3, 0.01, optimizer=Newton)
    trainer = make_trainer(50, seen, limit_train_batches=1)
    trainer.fit(model, IrisDataModule(batch_size=20))
    assert trainer.current_epoch == 50 and len({float(rows.sum()) for rows in seen.rows}) > 10
    assert model.convergence().status == "budget"
    trainer = make_trainer(50, limit_train_batches=1)
    trainer.fit(model := SoftmaxRegression(4, 3, 0.01, optimizer=Newton), IrisDataModule())
    assert model.convergence().status == "converged", "control: where one batch is all there is"


@pytest.mark.parametrize("method", ["newton", "sgd_nesterov"])
@pytest.mark.filterwarnings("ignore:Using ModelCheckpoint with manual optimization")
def test_a_checkpoint_of_a_step_is_ranked_by_that_step(method: str, tmp_path: Path) -> None:
    seen = Seen()
    kept = ModelCheckpoint(tmp_path, monitor="train/objective", every_n_train_steps=1, save_top_k=-1)
    model = SoftmaxRegression(4, 3, 0.01, optimizer=METHODS[method])
    make_trainer(2, seen, kept, enable_checkpointing=True).fit(model, IrisDataModule(batch_size=30))
    assert len(seen.objectives) == len(set(seen.objectives)) == 6
    assert sorted(map(float, kept.best_k_models.values())) == sorted(seen.objectives)


def test_predictions_that_are_not_finite_are_told_in_our_words() -> None:
    model = MLP((4, 3), optimizer=METHODS["adam"])
    with torch.no_grad():
        model.network.layers[0].weight.fill_(torch.nan)
    data = IrisDataModule()
    with pytest.raises(NonFinitePredictionError, match="30 of 30 predictions are not finite"):
        make_trainer(1).test(model, data, verbose=False)


@pytest.mark.parametrize("make", [SoftmaxRegression, lambda *sizes, optimizer: MLP(sizes, optimizer=optimizer)])
def test_rows_of_any_type_are_predicted(make: Any) -> None:
    model = make(4, 3, optimizer=METHODS["adam"])
    rows = torch.tensor([[1, 2, 3, 4], [5, 6, 7, 8]])
    for kind in (torch.float64, torch.float32, torch.int64, torch.float16):
        assert_close(model.predict(rows.to(kind)), model.predict(rows.float()))
