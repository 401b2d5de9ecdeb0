"""Rows for training, validation and test."""

import math

import numpy as np
from sklearn.model_selection import train_test_split

from datamodules.messages import counted, leave
from datamodules.serving.divided_rows import DividedRows, Rows, Targeted
from datamodules.serving.rare_classes import split_with_rare_classes

__all__ = ["Rows", "Targeted", "counts_of_parts", "split_rows", "take_rows"]


def counts_of_parts(n: int, val_fraction: float, test_fraction: float | None, what: str = "row") -> tuple[int, int, int]:
    """How many of n are for (training, validation, test): shares of all, rounded up as scikit-learn does.

    Args:
        n: how many there are.
        val_fraction, test_fraction: shares; 0 or None = none.
        what: is counted, for the error.

    Raises:
        ValueError: none is left for training.
    """
    n_test, n_val = math.ceil(n * (test_fraction or 0)), math.ceil(n * val_fraction)
    n_train = n - n_test - n_val
    if n_train < 1:
        raise ValueError(
            f"{counted(n, what)} {leave(n)} none for training after {n_test} for the test and {n_val} for validation: "
            f"add {what}s"
        )
    return n_train, n_val, n_test


def split_rows(data: Targeted, val_fraction: float, test_fraction: float | None, seed: int, strict: bool = True) -> DividedRows:
    """Disjoint rows (train, validation, test), stratified by class where there are classes.

    Fractions are of all rows, counts rounded up as scikit-learn does. The test rows are those of scikit-learn's
    `train_test_split(test_size=test_fraction, random_state=seed)`, whatever the validation fraction. With a
    `test_fraction` of 0 there are none; with None there are none either: the test is made on other data.

    Args:
        data: targets and names of classes.
        val_fraction: share for validation.
        test_fraction: share for the test.
        seed: of the choice.
        strict: whether every class must be in every part; else every class is in training, and the notes of the result
            tell of the classes that are not everywhere. Rows that can be divided strictly are, whatever this says.

    Raises:
        ValueError: too few rows for the parts, or for every class to be in every part.
    """
    n = len(data.targets)
    n_train, n_val, n_test = counts_of_parts(n, val_fraction, test_fraction)
    if data.class_names is not None and not strict:
        return split_with_rare_classes(data, n_val, n_test, seed)
    sizes = {"training": n_train, "validation": n_val, "test": n_test}
    if data.class_names is not None:
        _check_sizes(data, min(count for count in sizes.values() if count))
        _check_classes(data, np.arange(n), tuple(part for part, count in sizes.items() if count))
    rest, test = take_rows(data, np.arange(n), n_test, seed, ("test",), ("training", "validation") if n_val else ("training",))
    train, val = take_rows(data, rest, n_val, seed, ("validation",), ("training",))
    return DividedRows(train, val, test)


def take_rows(
    data: Targeted, rows: Rows, count: int, seed: int, taken_for: tuple[str, ...], left_for: tuple[str, ...]
) -> tuple[Rows, Rows]:
    """Divide rows into (those left, the `count` taken), stratified, every class in both."""
    if not count:
        return rows, rows[:0]
    labels = None if data.class_names is None else data.targets[rows]
    left, taken = train_test_split(rows, test_size=count, random_state=seed, stratify=labels)
    if labels is not None:
        _check_classes(data, taken, taken_for)
        _check_classes(data, left, left_for)
    return left, taken


def _check_sizes(data: Targeted, smallest_part: int) -> None:
    classes = len(data.class_names or ())
    if smallest_part < classes:
        raise ValueError(
            f"{counted(len(data.targets))} and {classes} classes: a part of {counted(smallest_part)} cannot hold every "
            "class; add rows or change val_fraction and test_fraction"
        )


def _check_classes(data: Targeted, rows: Rows, parts: tuple[str, ...]) -> None:
    """Refuse rows in which a class does not have one row for each of the parts they are for."""
    names = data.class_names or ()
    counts = np.bincount(data.targets[rows].astype(np.int64), minlength=len(names))
    rare = int(counts.argmin())
    if counts[rare] < len(parts):
        total = int((data.targets == rare).sum())
        raise ValueError(
            f"class {names[rare]!r} has {counted(total)}, {counts[rare]} of them for {' and '.join(parts)}, which need one "
            "each: add rows of that class, merge classes, or change val_fraction and test_fraction"
        )
