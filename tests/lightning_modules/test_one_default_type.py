"""Fits of different precision in threads of one process are refused; the attack is two threads, one held within a step."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
import torch

from datamodules import IrisDataModule
from lightning_modules import MLP
from lightning_modules.training import method_module
from tests.training import make_trainer

ADAM = partial(torch.optim.Adam, lr=0.01)


def make_mlp() -> MLP:
    return MLP([4, 5, 3], optimizer=ADAM)


class Held:
    """Waits in the middle of a step, where the default type is that of the fit."""

    def __init__(self) -> None:
        self.reached, self.released = threading.Event(), threading.Event()

    def __call__(self, *_: Any) -> None:
        self.reached.set()
        assert self.released.wait(60)


@contextmanager
def fit_in_a_thread(precision: str) -> Iterator[None]:
    """A fit goes on within the block, and ends well after it."""
    held, model, ended = Held(), make_mlp(), []

    model.register_forward_pre_hook(held)

    def fit() -> None:
        make_trainer(2, precision=precision).fit(model, IrisDataModule(batch_size=30))
        ended.append(True)

    thread = threading.Thread(target=fit)
    thread.start()
    try:
        assert held.reached.wait(60)
        yield
    finally:
        held.released.set()
        thread.join(60)
    assert ended


@pytest.mark.parametrize(("first", "second"), [("64-true", "32-true"), ("32-true", "64-true"), ("64-true", "64-true")])
def test_the_second_is_refused(first: str, second: str) -> None:
    model, data, trainer = make_mlp(), IrisDataModule(batch_size=30), make_trainer(2, precision=second)
    with fit_in_a_thread(first), pytest.raises(ValueError, match="a fit goes on in another thread of this process"):
        trainer.fit(model, data)
    make_trainer(2, precision=second).fit(make_mlp(), data)


def test_a_model_made_meanwhile_is_refused() -> None:
    with fit_in_a_thread("64-true"), pytest.raises(ValueError, match="a model made meanwhile would have its precision, '64-tr"):
        make_mlp()
    assert next(make_mlp().parameters()).dtype == torch.float32


def test_single_precision_goes_well_beside_itself() -> None:
    with fit_in_a_thread("32-true"):
        model = make_mlp()
        make_trainer(2, precision="32-true").fit(model, IrisDataModule(batch_size=30))
    assert next(model.parameters()).dtype == torch.float32


def test_without_the_refusal_the_type_is_borrowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: a model made within a step of the other fit is float64 and stays so."""
    monkeypatch.setattr("lightning_modules.training.measured_module.refuse_borrowed_type", lambda: None)
    monkeypatch.setattr(method_module, "refuse_beside_others", lambda _: None)
    with fit_in_a_thread("64-true"):
        model = make_mlp()
    torch.set_default_dtype(torch.float32)
    assert next(model.parameters()).dtype == torch.float64
