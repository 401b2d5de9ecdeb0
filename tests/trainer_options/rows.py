"""A row of the table: an option with a value, and what is expected of it under each method."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lightning_modules import MLP
from tests.trainer_options.expectations import Expectation

# Keyword arguments of the Trainer, made anew for every run: callbacks, loggers and profilers hold state.
Options = Callable[[Path], dict[str, Any]]


@dataclass(frozen=True)
class Row:
    """One option with one value.

    Attributes:
        option: what it is an option of and its name: "Trainer.max_epochs", "callbacks.Timer", "loggers.CSVLogger", …
        value: as one would write it.
        expected: by the name of the method.
        options: of the Trainer, beside those of a short run.
        batch_size: of the data; "own": all rows for the curvature methods, 32 of 90 for the others.
        model: class of the network.
        after: what is asked of the trainer after the fit.
        ignored: warnings that Lightning gives to a plain module, too.
        needs: a package without which there is nothing to try.
        program: it starts processes, which one that has computed already cannot: `test_launched_strategies.py` tries it.
        slow: takes seconds.
    """

    option: str
    value: str
    expected: Mapping[str, Expectation]
    options: Options = field(default=lambda folder: {})
    batch_size: int | str | None = "own"
    model: type[MLP] = MLP
    after: str = ""
    ignored: tuple[str, ...] = ()
    needs: str = ""
    program: bool = False
    slow: bool = False

    @property
    def validated(self) -> bool:
        """Whether there is a validation, which takes longer than the training: where the row is about it."""
        names = ("val", "EarlyStopping", "min_", "ModelCheckpoint", "batches", "barebones", "fast_dev_run", "Weight", "sanity")
        return any(name in self.label for name in names)

    @property
    def label(self) -> str:
        return f"{self.option}={self.value}"


def trainer_row(parameter: str, value: Any, expected: Mapping[str, Expectation], **settings: Any) -> Row:
    """An option of the Trainer that is a plain value; `also` gives others that it makes sense with."""
    also = settings.pop("also", {})
    return Row(f"Trainer.{parameter}", repr(value), expected, lambda folder: {parameter: value, **also}, **settings)


def callback_row(
    name: str, value: str, make: Callable[[Path], Any], expected: Mapping[str, Expectation], **settings: Any
) -> Row:
    """One of Lightning's callbacks, or a small class made of it; `also` gives options of the Trainer that it needs."""
    also = settings.pop("also", {})
    return Row(f"callbacks.{name}", value, expected, lambda folder: {"callbacks": [make(folder)], **also}, **settings)
