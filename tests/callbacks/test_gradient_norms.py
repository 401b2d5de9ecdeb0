"""Gradient norms by layer."""

from typing import Any

import pytest
import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from callbacks import GradientNorms
from datamodules import IrisDataModule
from tests.callbacks.memory_logger import MemoryLogger
from tests.training import METHODS, ON_BATCHES, make_model, make_trainer


class FirstGradients(Callback):
    """An independent computation: the gradient by autograd at the weights a step starts from."""

    def __init__(self) -> None:
        self.norms: list[float] = []

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        features, labels = batch
        loss = torch.nn.functional.cross_entropy(pl_module(features), labels) + 0.005 * pl_module.linear.weight.square().sum()
        gradients = torch.autograd.grad(loss, list(pl_module.parameters()))
        self.norms.append(torch.cat([g.flatten() for g in gradients]).norm().item())


@pytest.mark.parametrize("method", ON_BATCHES)
def test_norms_of_every_step_under_every_method(method: str) -> None:
    logger, expected = MemoryLogger(), FirstGradients()
    data = IrisDataModule(batch_size=45)
    make_trainer(3, GradientNorms(), expected, logger=logger).fit(make_model(data, METHODS[method]), data)
    assert logger.values["grad_norm/total"] == pytest.approx(dict(enumerate(expected.norms)))
    assert logger.values["grad_norm/linear"] == logger.values["grad_norm/total"]


@pytest.mark.parametrize(("every", "interval", "steps"), [(None, 2, [1, 3, 5]), (3, 1, [2, 5])])
def test_interval(every: int | None, interval: int, steps: list[int]) -> None:
    logger, data = MemoryLogger(), IrisDataModule(batch_size=45)
    trainer = make_trainer(3, GradientNorms(every), logger=logger, log_every_n_steps=interval)
    trainer.fit(make_model(data, METHODS["adam"]), data)
    assert list(logger.values["grad_norm/total"]) == steps


def test_bad_interval_is_refused() -> None:
    with pytest.raises(ValueError, match=r"every_n_steps=0"):
        GradientNorms(0)


def test_a_second_fit_is_logged_from_its_first_step() -> None:
    norms, data = GradientNorms(), IrisDataModule(batch_size=90)
    for _ in range(2):
        logger = MemoryLogger()
        make_trainer(1, norms, logger=logger).fit(make_model(data, METHODS["adam"]), data)
        assert list(logger.values["grad_norm/total"]) == [0]
