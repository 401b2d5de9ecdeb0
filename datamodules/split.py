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
        raise ValueError(
            f"val_fraction={val_fraction}: the share of rows for validation must be in [0, 1); 0 means none"
        )
    if not 0 < test_fraction < 1:
        raise ValueError(f"test_fraction={test_fraction}: the share of rows for the test must be in (0, 1)")
    if val_fraction + test_fraction >= 1:
        raise ValueError(
            f"val_fraction={val_fraction} and test_fraction={test_fraction} leave no rows for training: make their sum less than 1"
        )


def split_rows(table: Table, val_fraction: float, test_fraction: float, seed: int) -> tuple[Rows, Rows, Rows]:
    """Disjoint rows (train, validation, test), stratified by class where there are classes.

    Fractions are of all rows, counts rounded up. The test rows are those of scikit-learn's
    `train_test_split(test_size=test_fraction, random_state=seed)`, whatever the validation fraction.

    Raises:
        ValueError: too few rows for the parts, or for every class to be in every part.
    """
    n = len(table.features)
    # The tolerance keeps 0.1 × 20640 at 2064 when the product comes out a rounding above it.
    n_test, n_val = math.ceil(n * test_fraction - 1e-9), math.ceil(n * val_fraction - 1e-9)
    n_train = n - n_test - n_val
    if n_train < 1:
        raise ValueError(
            f"{n} rows leave none for training after {n_test} for the test and {n_val} for validation: add rows"
        )
    labels = table.targets if table.is_classification else None
    if labels is not None:
        _check_classes(table, min(count for count in (n_train, n_val, n_test) if count))
    rest, test = train_test_split(np.arange(n), test_size=n_test, random_state=seed, stratify=labels)
    if not n_val:
        return rest, rest[:0], test
    rest_labels = None if labels is None else labels[rest]
    train, val = train_test_split(rest, test_size=n_val, random_state=seed, stratify=rest_labels)
    return train, val, test


def _check_classes(table: Table, smallest_part: int) -> None:
    names = table.class_names or ()
    counts = np.bincount(table.targets.astype(np.int64), minlength=len(names))
    if smallest_part < len(names):
        raise ValueError(
            f"{len(table.targets)} rows and {len(names)} classes: a part of {smallest_part} rows cannot hold every class; "
            "add rows or change val_fraction and test_fraction"
        )
    rare = int(counts.argmin())
    if counts[rare] < 3:
        raise ValueError(
            f"class {names[rare]!r} has {counts[rare]} rows: training, validation and test need one each; add rows or merge classes"
        )
