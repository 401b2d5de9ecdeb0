"""What a run that broke off leaves behind does not reach the next one of the same model, or of the same trainer."""

from functools import partial
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback, LightningModule
from torch.nn.utils import parameters_to_vector

from datamodules import IrisDataModule
from datamodules.serving import measured_rows
from lightning_modules.devices import late
from lightning_modules.optimizers import Newton
from tests.callbacks.memory_logger import MemoryLogger
from tests.simulated_device import on_the_device
from tests.training import make_model, make_trainer

PLACES = pytest.mark.parametrize("place", [dict, on_the_device], ids=["here", "there"])
adam = partial(torch.optim.Adam, lr=0.1)


class Breaks(Callback):
    """Breaks off in a hook.

    Args:
        hook: its name.
        times: at which call, from 1.
    """

    def __init__(self, hook: str, times: int = 1) -> None:
        self._left = times
        setattr(self, hook, self._break)

    def _break(self, *_: Any, **__: Any) -> None:
        self._left -= 1
        if self._left == 0:
            raise KeyError("broken off")


def broken_off(model: LightningModule, data: Any, hook: str, times: int = 1, task: str = "fit", **options: Any) -> None:
    trainer = make_trainer(3, Breaks(hook, times), limit_val_batches=1.0, **options)
    with pytest.raises(KeyError, match="broken off"):
        getattr(trainer, task)(model, data)
    model.cpu()


@PLACES
def test_the_loss_that_was_not_logged_is_not_logged_by_the_next_fit(place: Any) -> None:
    data, logger = IrisDataModule(), MemoryLogger()
    model = make_model(data, adam)
    broken_off(model, data, "on_before_optimizer_step", **place())
    torch.nn.init.normal_(next(model.parameters()))
    features, targets = data.splits["train"]
    theta = parameters_to_vector(model.parameters()).detach().double()
    value = float(model.objective((features.double(), targets)).at(theta).value)
    make_trainer(1, logger=logger, **place()).fit(model, data)
    assert logger.values["train/objective"][0] == pytest.approx(value, rel=1e-6)


def test_a_loss_that_was_not_finite_does_not_end_the_next_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a device that is slow several checks are on their way when the first of them is read."""
    monkeypatch.setattr(late._Sent, "has_arrived", lambda sent: False)
    data = IrisDataModule(batch_size=20)
    model = make_model(data, adam)
    torch.nn.init.constant_(next(model.parameters()), torch.nan)
    with pytest.raises(ArithmeticError, match="the loss is nan"):
        make_trainer(2, **on_the_device()).fit(model, data)
    for parameter in model.cpu().parameters():
        torch.nn.init.zeros_(parameter)
    make_trainer(2, **on_the_device()).fit(model, data)


def test_metrics_of_another_device_are_not_used() -> None:
    data = IrisDataModule()
    model = make_model(data, Newton)
    broken_off(model, data, "on_train_epoch_end", 2, **on_the_device())
    make_trainer(2, limit_val_batches=1.0).fit(model, data)


@PLACES
def test_rows_that_were_measured_by_then_are_not_counted(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured_rows, "MEASURED_ROWS", 10)  # so that there is more than one batch
    data = IrisDataModule(batch_size=10)
    model = make_model(data, Newton)
    (fresh,) = make_trainer(1, limit_val_batches=1.0).validate(model, data, verbose=False)
    broken_off(model, data, "on_validation_batch_end", 2, "validate", **place())
    (again,) = make_trainer(1, limit_val_batches=1.0).validate(model, data, verbose=False)
    assert again == fresh


def test_another_model_of_the_same_trainer_breaks_off_with_its_own_error() -> None:
    class Plain(LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(4, 3)

        def training_step(self, batch: Any, batch_idx: int) -> None:
            raise KeyError("its own")

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=0.1)

    data, trainer = IrisDataModule(), make_trainer(1)
    trainer.fit(make_model(data, Newton), data)
    trainer.fit_loop.max_epochs = 2
    with pytest.raises(KeyError, match="its own"):
        trainer.fit(Plain(), data.train_dataloader())
