"""Rows for training, validation and test."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from datamodules.messages.split_options import check_fractions
from datamodules.serving.split import split_rows
from datamodules.tables.table import Table


def numbers(n: int) -> Table:
    """n rows with a real target."""
    return Table(np.zeros((n, 1)), np.zeros((n, 1)), ("x",))


def classes(labels: list[int] | NDArray[np.int64]) -> Table:
    """Rows of these classes, called c0, c1, …"""
    labels = np.asarray(labels, dtype=np.int64)
    return Table(np.zeros((len(labels), 1)), labels, ("x",), tuple(f"c{c}" for c in range(labels.max() + 1)))


@pytest.mark.parametrize("val_fraction", [0.0, 0.2])
@pytest.mark.parametrize("seed", [0, 42, 2**32 - 1])
# 0.07 × 100 is 7.000000000000001 in floating point and rounds up to 8, here as there.
@pytest.mark.parametrize(("n", "test_fraction"), [(569, 0.2), (150, 0.5), (100, 0.07), (31, 0.33)])
def test_test_rows_are_those_of_scikit_learn(n: int, test_fraction: float, seed: int, val_fraction: float) -> None:
    labels = np.arange(n) % 3
    for table, stratify in ((numbers(n), None), (classes(labels), labels)):
        expected_rest, expected = train_test_split(np.arange(n), test_size=test_fraction, random_state=seed, stratify=stratify)
        train, val, test = split_rows(table, val_fraction, test_fraction, seed)
        np.testing.assert_array_equal(test, expected)
        assert set(train) | set(val) == set(expected_rest)


def test_counts_of_the_california_experiment() -> None:
    """S12: 8 256 for training, 2 064 for validation, 10 320 for the test."""
    parts = split_rows(numbers(20640), 0.1, 0.5, 42)
    assert [len(part) for part in parts] == [8256, 2064, 10320]


def test_classes_keep_their_shares() -> None:
    labels = np.repeat([0, 1, 2], [600, 300, 100])
    for rows, n in zip(split_rows(classes(labels), 0.2, 0.3, 0), (500, 200, 300), strict=True):
        np.testing.assert_array_equal(np.bincount(labels[rows]), np.array([0.6, 0.3, 0.1]) * n)


def test_without_validation_all_other_rows_train() -> None:
    train, val, test = split_rows(classes([0, 1] * 20), 0.0, 0.25, 0)
    assert (len(train), len(val), len(test)) == (30, 0, 10)


@pytest.mark.parametrize("test_fraction", [0, 0.0, None])
def test_without_a_test_all_other_rows_train(test_fraction: float | None) -> None:
    check_fractions(0.25, test_fraction)
    for val_fraction, sizes in ((0.25, (30, 10, 0)), (0.0, (40, 0, 0))):
        parts = split_rows(classes([0, 1] * 20), val_fraction, test_fraction, 0)
        assert tuple(map(len, parts)) == sizes and sorted(np.concatenate(parts)) == list(range(40))


def test_the_seed_decides() -> None:
    once, again, other = (split_rows(numbers(50), 0.2, 0.2, seed) for seed in (1, 1, 2))
    for part, same in zip(once, again, strict=True):
        np.testing.assert_array_equal(part, same)
    assert set(once[2]) != set(other[2])


@pytest.mark.parametrize(
    ("val_fraction", "test_fraction", "says"),
    [
        (-0.1, 0.2, "val_fraction=-0.1: the share of rows for validation must be in [0, 1)"),
        (1.0, 0.2, "val_fraction=1.0: the share of rows for validation must be in [0, 1)"),
        (float("nan"), 0.2, "val_fraction=nan: the share of rows for validation must be in [0, 1)"),
        (0.2, 1.0, "test_fraction=1.0: the share of rows for the test must be in [0, 1)"),
        (0.2, -0.5, "test_fraction=-0.5: the share of rows for the test must be in [0, 1)"),
        (0.2, float("nan"), "test_fraction=nan: the share of rows for the test must be in [0, 1)"),
        (0.5, 0.5, "leave no rows for training: make their sum less than 1"),
        (0.6, 0.7, "leave no rows for training: make their sum less than 1"),
    ],
)
def test_fractions_out_of_range_are_refused(val_fraction: float, test_fraction: float, says: str) -> None:
    with pytest.raises(ValueError) as refusal:
        check_fractions(val_fraction, test_fraction)
    assert says in str(refusal.value)


@pytest.mark.parametrize(
    ("labels", "val_fraction", "test_fraction", "says"),
    [
        pytest.param([0] * 50 + [1] * 2, 0.2, 0.2, ("'c1' has 2 rows", "training and validation and test"), id="three-parts"),
        pytest.param([0] * 50 + [1], 0.0, 0.2, ("'c1' has 1 row,", "training and test"), id="two-parts"),
        pytest.param([0] * 97 + [1] * 3, 0.2, 0.01, ("a part of 1 row cannot hold every class",), id="small-part"),
        pytest.param([0] * 97 + [1] * 3, 0.2, 0.1, ("'c1' has 3 rows", "0 of them for test"), id="none-in-test"),
        pytest.param([0] * 96 + [1] * 4, 0.02, 0.9, ("'c1' has 4 rows", "0 of them for training"), id="none-left-to-train"),
        pytest.param([0] * 95 + [1] * 5, 0.05, 0.2, ("'c1' has 5 rows", "0 of them for validation"), id="none-in-validation"),
    ],
)
def test_a_class_that_misses_a_part_is_refused(
    labels: list[int], val_fraction: float, test_fraction: float, says: tuple[str, ...]
) -> None:
    with pytest.raises(ValueError) as refusal:
        split_rows(classes(labels), val_fraction, test_fraction, 0)
    for part in (*says, "add rows"):
        assert part in str(refusal.value)


def test_two_rows_of_a_class_are_enough_without_validation() -> None:
    labels = np.array([0] * 10 + [1] * 2)
    train, _, test = split_rows(classes(labels), 0.0, 0.5, 0)
    assert (labels[train] == 1).sum() == (labels[test] == 1).sum() == 1


@settings(max_examples=200)
@given(
    n=st.integers(1, 120),
    val_fraction=st.one_of(st.just(0.0), st.floats(0.01, 0.98)),
    test_fraction=st.one_of(st.just(0.0), st.floats(0.01, 0.98)),
    num_classes=st.integers(0, 6),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_split_is_a_partition_or_refused_in_our_words(
    n: int, val_fraction: float, test_fraction: float, num_classes: int, seed: int
) -> None:
    """No row is lost or used twice, and every class is in every part."""
    labels = np.random.default_rng(seed).integers(num_classes, size=n) if num_classes else None
    # As a table read from a file: classes that occur are numbered without gaps.
    table = numbers(n) if labels is None else classes(np.unique(labels, return_inverse=True)[1])
    try:
        check_fractions(val_fraction, test_fraction)
        train, val, test = split_rows(table, val_fraction, test_fraction, seed)
    except ValueError as refusal:
        assert any(remedy in str(refusal) for remedy in ("add rows", "make their sum less than 1"))
        return
    assert sorted([*train, *val, *test]) == list(range(n))
    assert len(train)
    assert bool(len(val)) == bool(val_fraction) and bool(len(test)) == bool(test_fraction)
    if labels is not None:
        for part in (train, val, test):
            assert not len(part) or set(table.targets[part]) == set(table.targets)
