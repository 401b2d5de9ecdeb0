"""Rows divided by their order: the past for training, the future for the test."""

import numpy as np

from datamodules.serving.divided_rows import DividedRows
from datamodules.serving.split import counts_of_parts


def split_last(n: int, val_fraction: float, test_fraction: float | None) -> DividedRows:
    """The last of n rows are for the test, those before them for validation, all others for training; nothing is shuffled.

    Where rows are in the order of time, a shuffled split would let a model learn from what happens after its test.
    Fractions are of all rows, counts rounded up. Classes have no say: `with_class_notes` tells of those that are absent.

    Args:
        n: how many rows there are.
        val_fraction, test_fraction: shares of the rows; 0 or None = none.

    Raises:
        ValueError: no row is left for training.
    """
    n_train, n_val, _ = counts_of_parts(n, val_fraction, test_fraction)
    train, val, test = np.split(np.arange(n), [n_train, n_train + n_val])
    return DividedRows(train, val, test)
