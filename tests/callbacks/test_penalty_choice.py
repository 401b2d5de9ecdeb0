"""The bar of a choice of l1: there where somebody waits, gone afterwards, and nowhere else."""

import io
from typing import Any

import pytest
from rich.console import Console

from callbacks import PenaltyChoice
from datamodules import ArrayDataModule
from lightning_modules import LinearRegression
from lightning_modules.optimizers import Newton
from tests.lightning_modules.lasso.designs_with_zeros import design
from tests.training import make_trainer


def printed(monkeypatch: pytest.MonkeyPatch, patience: float, **options: Any) -> str:
    monkeypatch.setattr("callbacks.penalty_choice.PATIENCE", patience)
    stream = io.StringIO()
    callback = PenaltyChoice(console=Console(file=stream, force_terminal=True, width=80), **options)
    model = LinearRegression(12, l1="cv", folds=2, optimizer=Newton)
    make_trainer(20, callback).fit(model, ArrayDataModule(*design("gaussian"), task="regression", val_fraction=0))
    assert model.chosen_l1 is not None and model.convergence().status == "converged"
    return stream.getvalue()


def test_only_who_waits_sees_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "choosing l1" in printed(monkeypatch, 0.0)
    assert printed(monkeypatch, 60.0) == ""
    assert printed(monkeypatch, 0.0, has_bar=False) == ""
