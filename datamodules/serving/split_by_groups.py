"""Rows divided by the group they belong to: a patient, a household, a device."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupShuffleSplit

from datamodules.serving.divided_rows import DividedRows
from datamodules.serving.split import counts_of_parts


def split_by_groups(groups: NDArray[Any], val_fraction: float, test_fraction: float | None, seed: int) -> DividedRows:
    """Disjoint rows (train, validation, test) such that all rows of a group are in one part, each in the order of the file.

    Rows of one group resemble each other. Were some in training and some in the test, a model that remembers the group
    would seem to predict. The groups are drawn by scikit-learn's `GroupShuffleSplit`, so fractions are shares of the
    *groups*, rounded up; shares of the rows are about the same where groups are about equally large. Classes have no say:
    `with_class_notes` tells of those that are absent from a part.

    Args:
        groups: what each row belongs to (n,), of any type that can be sorted.
        val_fraction, test_fraction: shares of the groups; 0 or None = none.
        seed: of the choice.

    Raises:
        ValueError: fewer groups than parts, or values that are no groups.
    """
    if groups.ndim != 1:
        raise ValueError(f"groups of shape {groups.shape}: give one group for each row, (n,)")
    try:
        values, codes = np.unique(groups, return_inverse=True)
    except TypeError as error:
        raise ValueError(
            f"groups of mixed types cannot be told apart ({error}): fill in empty ones, or make all text"
        ) from error
    _, n_val, n_test = counts_of_parts(len(values), val_fraction, test_fraction, "group")
    rest, test = _take_groups(codes, np.arange(len(codes)), n_test, seed)
    train, val = _take_groups(codes, rest, n_val, seed)
    return DividedRows(train, val, test)


def _take_groups(
    codes: NDArray[np.int64], rows: NDArray[np.int64], count: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Divide rows into (those left, those of the `count` groups taken)."""
    if not count:
        return rows, rows[:0]
    left, taken = next(GroupShuffleSplit(1, test_size=count, random_state=seed).split(rows, groups=codes[rows]))
    return rows[left], rows[taken]
