"""What a newer Lightning or torch adds has no row yet, and is noticed here."""

import inspect

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning import callbacks, loggers
from pytorch_lightning.strategies import StrategyRegistry

from tests.trainer_options.expectations import METHODS
from tests.trainer_options.rows import Row
from tests.trainer_options.table import ROWS

OPTIONS = {row.option for row in ROWS}
PARAMETERS = [name for name in inspect.signature(pl.Trainer.__init__).parameters if name != "self"]
PRECISIONS = ("64-true", "32-true", "16-true", "bf16-true", "16-mixed", "bf16-mixed", "transformer-engine")


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_of_the_trainer_has_a_row(name: str) -> None:
    assert f"Trainer.{name}" in OPTIONS


@pytest.mark.parametrize("name", callbacks.__all__)
def test_every_callback_has_a_row(name: str) -> None:
    assert f"callbacks.{name}" in OPTIONS


@pytest.mark.parametrize("name", loggers.__all__)
def test_every_logger_has_a_row(name: str) -> None:
    assert f"loggers.{name}" in OPTIONS


def values_of(option: str) -> set[str]:
    return {row.value.strip("'") for row in ROWS if row.option == option}


def test_every_optimizer_strategy_and_precision_has_a_row() -> None:
    assert values_of("torch.optim") == {name for name, kind in vars(torch.optim).items() if isinstance(kind, type)}
    assert values_of("Trainer.strategy") >= set(StrategyRegistry.available_strategies())
    assert values_of("Trainer.precision") >= set(PRECISIONS)


def test_rows_of_what_is_gone_are_found() -> None:
    """The other way round: a row of an option that Lightning has not."""
    names = {row.option.removeprefix("Trainer.") for row in ROWS if row.option.startswith("Trainer.")}
    assert names <= set(PARAMETERS)
    assert {row.option.removeprefix("callbacks.") for row in ROWS if row.option.startswith("callbacks.")} <= set(
        callbacks.__all__
    )


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.label.replace("/", "|"))
def test_a_row_says_something_of_every_method(row: Row) -> None:
    if row.option != "torch.optim":
        assert set(row.expected) == set(METHODS)


def test_rows_have_names_of_their_own() -> None:
    labels = [row.label for row in ROWS]
    assert len(set(labels)) == len(labels)
