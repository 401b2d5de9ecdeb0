"""One of each data module, for the tests of what they all promise.

A data module that is made without arguments is tested by being in the face of `datamodules`. One that needs files or
rows, or has defaults of its own, says so here.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch

import datamodules
from tests.idx_files import write_mnist


@dataclass(frozen=True)
class Example:
    """How to make a data module with a small set of rows.

    Attributes:
        make: from an empty folder, and from what asks for fixtures by name.
        own_defaults: of the options that all data modules share, where they differ.
        lacks: options that all others have.
    """

    make: Callable[[Path, pytest.FixtureRequest], Any]
    own_defaults: dict[str, Any] = field(default_factory=dict)
    lacks: tuple[str, ...] = ()


def _california(folder: Path, request: pytest.FixtureRequest) -> Any:
    return datamodules.CaliforniaHousingDataModule(request.getfixturevalue("data_dir"))


def _tabular(folder: Path, request: pytest.FixtureRequest) -> Any:
    rows = ["a,b,label"] + [f"{i % 7},{(i * i) % 11},{'yes' if i % 3 else 'no'}" for i in range(60)]
    (folder / "table.csv").write_text("\n".join(rows) + "\n")
    return datamodules.TabularDataModule("table.csv", "label", data_dir=str(folder))


def _array(folder: Path, request: pytest.FixtureRequest) -> Any:
    numbers = torch.arange(60)
    return datamodules.ArrayDataModule(torch.stack([numbers % 7, numbers**2 % 11], 1), numbers % 3 > 0)


def _mnist(folder: Path, request: pytest.FixtureRequest) -> Any:
    write_mnist(folder)
    return datamodules.MNISTDataModule(str(folder), digits=[3, 8])


def _two_views(folder: Path, request: pytest.FixtureRequest) -> Any:
    write_mnist(folder, train=60)
    return datamodules.MNISTTwoViewDataModule(str(folder))


# MNIST has test images of its own, and leaves 50 000 of its 60 000 others for training; two views are for mini-batches.
OF_MNIST = {"val_fraction": 1 / 6, "test_fraction": None}
SPECIAL: dict[type, Example] = {
    datamodules.ArrayDataModule: Example(_array, lacks=("data_dir",)),
    datamodules.CaliforniaHousingDataModule: Example(_california),
    datamodules.MNISTDataModule: Example(_mnist, OF_MNIST),
    datamodules.MNISTTwoViewDataModule: Example(_two_views, OF_MNIST | {"batch_size": 512}),
    datamodules.TabularDataModule: Example(_tabular),
}


def example_of(kind: type) -> Example:
    return SPECIAL.get(kind, Example(lambda folder, request: kind()))
