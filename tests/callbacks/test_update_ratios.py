"""How far a step goes, of each layer and of all."""

from functools import partial
from itertools import pairwise
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from callbacks import UpdateRatios
from callbacks.update_ratios import lengths
from datamodules import IrisDataModule
from lightning_modules import MLP
from lightning_modules.optimizers import DiagonalNewton, KroneckerNewton
from tests.callbacks.memory_logger import MemoryLogger
from tests.training import METHODS, Iterates, fit_iterates, make_model, make_trainer

ON_BATCHES = {
    "adam": partial(torch.optim.Adam, lr=0.1),
    "lbfgs": partial(torch.optim.LBFGS, max_iter=5),
    "diagonal_newton": DiagonalNewton,
    "kronecker_newton": KroneckerNewton,
}
LAYERS = ("network.layers.0", "network.layers.1")


class Weights(Callback):
    """An independent computation: copies of all weights around each step."""

    def __init__(self) -> None:
        self.copies: list[dict[str, torch.Tensor]] = []

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.copies.append({name: p.detach().clone() for name, p in pl_module.named_parameters()})

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        self.on_train_start(trainer, pl_module)

    def of(self, layer: str) -> list[torch.Tensor]:
        return [torch.cat([v.flatten() for k, v in copy.items() if k.startswith(layer)]) for copy in self.copies]


@pytest.mark.parametrize("method", ON_BATCHES.values(), ids=ON_BATCHES)
def test_they_are_those_of_the_weights(method: Any) -> None:
    logger, weights = MemoryLogger(), Weights()
    model = MLP((4, 5, 3), optimizer=method)
    make_trainer(3, UpdateRatios(), weights, logger=logger).fit(model, IrisDataModule(batch_size=45))
    for layer, tag in (*((layer, layer) for layer in LAYERS), ("", "total")):
        around = weights.of(layer)
        expected = [float((b - a).norm() / a.norm()) for a, b in pairwise(around)]
        assert list(logger.values[f"update_ratio/{tag}"].values()) == pytest.approx(expected)
    everything = weights.of("")
    assert list(logger.values["step/length"].values()) == pytest.approx(
        [float((b - a).norm()) for a, b in pairwise(everything)]
    )


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_full_batch_every_method_has_a_length_and_is_left_alone(method: Any) -> None:
    """Linear models start at 0, where there is nothing to divide by."""
    data, logger, iterates = IrisDataModule(), MemoryLogger(), Iterates()
    model = make_model(data, method)
    make_trainer(3, UpdateRatios(), iterates, logger=logger).fit(model, data)
    assert list(logger.values["step/length"]) == [0, 1, 2] and 0 not in logger.values["update_ratio/linear"]
    assert torch.equal(torch.stack(iterates.thetas), fit_iterates(make_model(data, method), data, 3))


def test_a_frozen_layer_has_none_and_accumulated_batches_are_one_step() -> None:
    logger, model = MemoryLogger(), MLP((4, 5, 3), optimizer=ON_BATCHES["adam"])
    model.network.layers[0].requires_grad_(False)
    trainer = make_trainer(2, UpdateRatios(), logger=logger, accumulate_grad_batches=2)
    trainer.fit(model, IrisDataModule(batch_size=45))
    assert f"update_ratio/{LAYERS[0]}" not in logger.values
    assert list(logger.values[f"update_ratio/{LAYERS[1]}"]) == [0, 1]


def test_nothing_is_copied_between_logged_steps() -> None:
    class Spied(UpdateRatios):
        def on_train_batch_end(self, *args: Any) -> None:
            copied.append(self._before is not None)
            super().on_train_batch_end(*args)

    copied: list[bool] = []
    trainer = make_trainer(3, Spied(), logger=MemoryLogger(), log_every_n_steps=2)
    trainer.fit(MLP((4, 5, 3), optimizer=DiagonalNewton), IrisDataModule(batch_size=45))
    assert copied == [False, True, False, True, False, True]
    copied.clear()
    make_trainer(1, Spied()).fit(MLP((4, 5, 3), optimizer=DiagonalNewton), IrisDataModule())
    assert copied == [False], "without a logger"


def test_a_parameter_of_the_model_itself_is_a_layer() -> None:
    both = [torch.tensor([3.0, 4.0, 1.0]), torch.tensor([6.0, 8.0, 0.0])]
    found = lengths(["a.weight", "a.bias", "scale"], both)
    assert found == {"step/length": 26**0.5, "update_ratio/a": 0.5, "update_ratio/total": 26**0.5 / 10}
