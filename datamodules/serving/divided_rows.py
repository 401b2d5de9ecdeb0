"""Row numbers for training, validation and test, with what the user should know of them."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


class Targeted(Protocol):
    """Rows that have a target each: a table, or a set of images."""

    @property
    def targets(self) -> NDArray[np.int64] | NDArray[np.float64]:
        """Class labels 0 … C−1 (n,), or real targets (n, K)."""

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """C names, or None for real targets."""


class DividedRows(tuple[Rows, Rows, Rows]):
    """Disjoint rows (train, validation, test): a tuple of three, so that it is unpacked as one.

    Attributes:
        notes: what was done otherwise than was asked for, a sentence each; empty where nothing was.
    """

    notes: tuple[str, ...]

    def __new__(cls, train: Rows, val: Rows, test: Rows, notes: tuple[str, ...] = ()) -> "DividedRows":
        divided = super().__new__(cls, (train, val, test))
        divided.notes = notes
        return divided
