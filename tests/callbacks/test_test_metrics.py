"""Watching the test set must not touch the training."""

import pytest
import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint
from pytorch_lightning.cli import ReduceLROnPlateau

from callbacks import TestMetrics, TrainMetrics
from datamodules import IrisDataModule
from lightning_modules import ObjectiveModule
from lightning_modules.optimizers import Newton
from tests.callbacks.memory_logger import MemoryLogger
from tests.training import METHODS, Iterates, make_model, make_trainer


@pytest.mark.parametrize("method", ["newton", "adam"])
def test_weights_with_and_without_it_have_the_same_bytes(method: str) -> None:
    thetas = []
    for callbacks in ([], [TestMetrics(), TrainMetrics()]):
        torch.manual_seed(0)
        data, iterates = IrisDataModule(batch_size=40), Iterates()
        trainer = make_trainer(3, iterates, *callbacks, logger=MemoryLogger())
        trainer.fit(make_model(data, METHODS[method]), data)
        thetas.append(torch.stack(iterates.thetas))
    assert torch.equal(*thetas)


def test_values_are_those_of_a_test_at_the_same_weights() -> None:
    data, logger = IrisDataModule(batch_size=40), MemoryLogger()
    model = make_model(data, METHODS["adam"])
    trainer = make_trainer(4, TestMetrics(2), TrainMetrics(), logger=logger)
    trainer.fit(model, data)
    tag_steps = {tag: list(steps) for tag, steps in logger.values.items() if tag.startswith("test/")}
    assert tag_steps["test/loss"] == [5, 11], "after epochs 2 and 4 of three steps each"
    logged = {tag: logger.values[tag][11] for tag in tag_steps}
    (expected,) = make_trainer(1).test(model, data, verbose=False)
    assert logged == pytest.approx(expected, abs=1e-7), "Lightning keeps what a test logs in float32"
    features, labels = data.splits["train"]
    loss = torch.nn.functional.cross_entropy(model(features), labels).item()
    assert logger.values["train/loss"][11] == pytest.approx(loss)


def test_the_trainer_does_not_see_the_values() -> None:
    data = IrisDataModule()
    trainer = make_trainer(2, TestMetrics(), logger=MemoryLogger())
    trainer.fit(make_model(data, Newton), data)
    assert not [name for name in trainer.callback_metrics if name.startswith("test/")]


@pytest.mark.parametrize("chooser", [ModelCheckpoint(monitor="test/loss"), EarlyStopping(monitor="test/accuracy")])
def test_choosing_by_the_test_set_is_refused(chooser: ModelCheckpoint | EarlyStopping) -> None:
    data = IrisDataModule()
    trainer = make_trainer(1, TestMetrics(), chooser, enable_checkpointing=True)
    with pytest.raises(MisconfigurationException, match=r"monitors 'test/.*monitor 'val/"):
        trainer.fit(make_model(data, Newton), data)


def test_a_scheduler_on_the_test_set_is_refused() -> None:
    data = IrisDataModule()
    model = make_model(data, METHODS["adam"])

    def configure(self: ObjectiveModule) -> dict[str, object]:
        optimizer = self.make_optimizer(self.parameters())
        scheduler = ReduceLROnPlateau(optimizer, monitor="test/loss")
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "monitor": "test/loss"}}

    model.configure_optimizers = configure.__get__(model)
    with pytest.raises(MisconfigurationException, match="ReduceLROnPlateau monitors 'test/loss'"):
        make_trainer(1, TestMetrics()).fit(model, data)
