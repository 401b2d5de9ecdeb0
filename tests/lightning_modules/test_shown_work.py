"""A model that is judged for long says so: by the bar, or once by a note."""

import io
import logging
from functools import partial
from typing import Any

import pytest
import torch
from rich.console import Console

from callbacks import FitProgress
from lightning_modules import SimCLR
from lightning_modules.training import shown_work as module
from tests.training import make_trainer
from tests.two_view_data import TinyTwoViews


def fitted(*callbacks: Any, **options: Any) -> None:
    data = TinyTwoViews()
    model = SimCLR((8, 8), 10, features=16, channels=8, optimizer=partial(torch.optim.SGD, lr=0.1))
    trainer = make_trainer(2, *callbacks, limit_val_batches=1.0, **options)
    trainer.fit(model, data)


def test_the_bar_says_what_is_done_while_features_are_judged() -> None:
    text = io.StringIO()
    fitted(FitProgress(Console(file=text, force_terminal=True, width=80)), enable_progress_bar=True)
    assert "judging: encoding the images" in text.getvalue() and "judging: fitting the probe" in text.getvalue()


def test_without_a_bar_it_is_noted_once(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SAID", set())
    with caplog.at_level(logging.INFO, "lightning_modules"):
        fitted()
    said = [record.message for record in caplog.records if record.message.startswith("judging")]
    assert said == ["judging: encoding the images", "judging: fitting the probe"]
