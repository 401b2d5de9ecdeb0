"""To which part a row belongs that goes by."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from datamodules.mapped.sequential_split import SequentialSplit
from datamodules.serving.split import counts_of_parts


@dataclass(frozen=True)
class SplitOptions:
    """How the rows are divided, and whether scaled by mean and population standard deviation of the training rows."""

    val_fraction: float
    test_fraction: float
    seed: int
    standardize: bool
    split_by: str = "random"


class Division(Protocol):
    """Of the rows of one file.

    Attributes:
        sizes: rows of each part (3,).
    """

    sizes: NDArray[np.int64]

    def parts(self, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        """The part 0, 1 or 2 of each of the next rows, given their classes: (m,) -> (m,)."""


class OrderedSplit:
    """The first of n rows for training, the next for validation, the last for the test, as `split_last` has them."""

    def __init__(self, n: int, val_fraction: float, test_fraction: float) -> None:
        self.sizes = np.array(counts_of_parts(n, val_fraction, test_fraction))
        self._seen = 0

    def parts(self, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        rows = np.arange(self._seen, self._seen + len(labels))
        self._seen += len(labels)
        return np.searchsorted(np.cumsum(self.sizes), rows, side="right")


def division(options: SplitOptions, counts: list[int], class_names: tuple[str, ...] | None, strict: bool) -> Division:
    """As the options say.

    Args:
        options: what is asked for.
        counts: rows of each class (C,), or one number: all rows.
        class_names: C names; None for real targets.
        strict: whether every class must be in every part.

    Raises:
        ValueError: too few rows.
    """
    if options.split_by == "last":
        return OrderedSplit(sum(counts), options.val_fraction, options.test_fraction)
    return SequentialSplit(counts, options.val_fraction, options.test_fraction, options.seed, class_names, strict)
