"""The learning rate that each step is taken with."""

from functools import partial
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback, Trainer

from callbacks import LearningRate
from datamodules import IrisDataModule
from lightning_modules import MLP, SoftmaxRegression
from lightning_modules.optimizers import DiagonalNewton, KroneckerNewton
from tests.callbacks.memory_logger import MemoryLogger
from tests.training import METHODS, make_model, make_trainer

ON_BATCHES = {
    "adam": partial(torch.optim.Adam, lr=0.1),
    "diagonal_newton": DiagonalNewton,
    "kronecker_newton": KroneckerNewton,
}


def logged(model: Any, epochs: int = 2, callback: LearningRate | None = None, **options: Any) -> dict[str, dict[int, float]]:
    logger = MemoryLogger()
    make_trainer(epochs, callback or LearningRate(), logger=logger, **options).fit(model, IrisDataModule(batch_size=45))
    return {tag: values for tag, values in logger.values.items() if tag.startswith("step/")}


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_every_method_has_one(method: Any) -> None:
    data, logger = IrisDataModule(), MemoryLogger()
    model = make_model(data, method)
    make_trainer(2, LearningRate(), logger=logger).fit(model, data)
    rate = model.method().param_groups[0]["lr"]
    assert logger.values["step/lr"] == {0: rate, 1: rate}


@pytest.mark.parametrize("method", ON_BATCHES.values(), ids=ON_BATCHES)
def test_a_schedule_is_seen(method: Any) -> None:
    rates = logged(MLP((4, 5, 3), optimizer=method, schedule="cosine"))["step/lr"]
    start = MLP((4, 5, 3), optimizer=method).method().param_groups[0]["lr"]
    expected = [start * (1 + torch.cos(torch.tensor(torch.pi * step / 4)).item()) / 2 for step in range(4)]
    assert list(rates) == [0, 1, 2, 3] and list(rates.values()) == pytest.approx(expected, rel=1e-6)


class Scheduled(SoftmaxRegression):
    """With a scheduler of torch's, as a user of Lightning configures it."""

    def configure_optimizers(self) -> Any:
        optimizer = self.method()
        return [optimizer], [{"scheduler": torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5), "interval": "epoch"}]


def test_a_scheduler_of_torch_is_seen() -> None:
    rates = logged(Scheduled(4, 3, optimizer=partial(torch.optim.SGD, lr=0.8)), 3)["step/lr"]
    assert list(rates.values()) == pytest.approx([0.8, 0.8, 0.4, 0.4, 0.2, 0.2])


def test_groups_have_one_each_and_a_rate_may_be_a_tensor() -> None:
    assert set(logged(MLP((4, 5, 3), optimizer=partial(torch.optim.Muon, lr=0.1)))) == {"step/lr", "step/lr_1"}
    rates = logged(MLP((4, 5, 3), optimizer=partial(torch.optim.Adam, lr=torch.tensor(0.25))))
    assert set(rates["step/lr"].values()) == {0.25}


def test_a_step_over_several_batches_has_one_and_lbfgs_too() -> None:
    rates = logged(MLP((4, 5, 3), optimizer=partial(torch.optim.Adam, lr=0.1)), accumulate_grad_batches=2)
    assert list(rates["step/lr"]) == [0, 1]
    assert list(logged(MLP((4, 5, 3), optimizer=partial(torch.optim.LBFGS, max_iter=5)))["step/lr"]) == [0, 1, 2, 3]


class NoRate(torch.optim.SGD):
    """Forgets its rate, as a method may that has none."""

    def __init__(self, params: Any) -> None:
        super().__init__(params, lr=0.1)


class Forgets(Callback):
    """Takes the rate out of the group."""

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        trainer.optimizers[0].step = lambda closure=None: closure() and None  # type: ignore[method-assign]
        del trainer.optimizers[0].param_groups[0]["lr"]


def test_a_method_without_a_rate_logs_none() -> None:
    logger = MemoryLogger()
    trainer = make_trainer(1, Forgets(), LearningRate(), logger=logger)
    trainer.fit(MLP((4, 5, 3), optimizer=NoRate), IrisDataModule())
    assert "step/lr" not in logger.values


def test_interval() -> None:
    assert list(logged(MLP((4, 5, 3), optimizer=DiagonalNewton), callback=LearningRate(3))["step/lr"]) == [2]
    with pytest.raises(ValueError, match=r"LearningRate\(every_n_steps=0\)"):
        LearningRate(0)
