"""Rows for training, validation and test."""

import math

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from datamodules.table import Table

Rows = NDArray[np.int64]


def check_fractions(val_fraction: float, test_fraction: float) -> None:
    """Refuse fractions that leave a part empty.

    Raises:
        ValueError: a fraction out of its range.
    """
    if not 0 <= val_fraction < 1:
        raise ValueError(f"val_fraction={val_fraction}: the share of rows for validation must be in [0, 1); 0 means none")
    if not 0 < test_fraction < 1:
        raise ValueError(f"test_fraction={test_fraction}: the share of rows for the test must be in (0, 1)")
    if val_fraction + test_fraction >= 1:
        raise ValueError(
            f"val_fraction={val_fraction} and test_fraction={test_fraction} leave no rows for training: "
            "make their sum less than 1"
        )


def split_rows(table: Table, val_fraction: float, test_fraction: float, seed: int) -> tuple[Rows, Rows, Rows]:
    """Disjoint rows (train, validation, test), stratified by class where there are classes.

    Fractions are of all rows, counts rounded up as scikit-learn does. The test rows are those of scikit-learn's
    `train_test_split(test_size=test_fraction, random_state=seed)`, whatever the validation fraction.

    Raises:
        ValueError: too few rows for the parts, or for every class to be in every part.
    """
    n = len(table.features)
    n_test, n_val = math.ceil(n * test_fraction), math.ceil(n * val_fraction)
    n_train = n - n_test - n_val
    if n_train < 1:
        raise ValueError(f"{n} rows leave none for training after {n_test} for the test and {n_val} for validation: add rows")
    labels = table.targets if table.is_classification else None
    if labels is not None:
        _check_sizes(table, min(count for count in (n_train, n_val, n_test) if count))
        _check_classes(table, np.arange(n), ("training", "validation", "test") if n_val else ("training", "test"))
    rest, test = train_test_split(np.arange(n), test_size=n_test, random_state=seed, stratify=labels)
    if labels is not None:
        _check_classes(table, test, ("test",))
        _check_classes(table, rest, ("training", "validation") if n_val else ("training",))
    if not n_val:
        return rest, rest[:0], test
    rest_labels = None if labels is None else labels[rest]
    train, val = train_test_split(rest, test_size=n_val, random_state=seed, stratify=rest_labels)
    if labels is not None:
        _check_classes(table, train, ("training",))
        _check_classes(table, val, ("validation",))
    return train, val, test


def _check_sizes(table: Table, smallest_part: int) -> None:
    classes = len(table.class_names or ())
    if smallest_part < classes:
        raise ValueError(
            f"{len(table.targets)} rows and {classes} classes: a part of {smallest_part} rows cannot hold every class; "
            "add rows or change val_fraction and test_fraction"
        )


def _check_classes(table: Table, rows: Rows, parts: tuple[str, ...]) -> None:
    """Refuse rows in which a class does not have one row for each of the parts they are for."""
    names = table.class_names or ()
    counts = np.bincount(table.targets[rows].astype(np.int64), minlength=len(names))
    rare = int(counts.argmin())
    if counts[rare] < len(parts):
        total = int((table.targets == rare).sum())
        raise ValueError(
            f"class {names[rare]!r} has {total} rows, {counts[rare]} of them for {' and '.join(parts)}, which need one each: "
            "add rows of that class, merge classes, or change val_fraction and test_fraction"
        )
