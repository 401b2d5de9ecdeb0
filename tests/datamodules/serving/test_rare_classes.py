"""Classes with too few rows for every part: no row is lost, training has every class, and the user is told."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datamodules.serving.folds import Fold
from datamodules.serving.split import split_rows
from datamodules.tables.table import Table
from tests.datamodules.serving.test_split import classes, numbers

CHANCE = (
    "too few rows for every class to be in every part; one row of each class is in training, the test (3 rows) and "
    "validation (3 rows) are taken from the others at random"
)


def sizes_of(table: Table, parts: tuple[np.ndarray, ...]) -> list[list[int]]:
    """Rows of each class in each part."""
    return [np.bincount(table.targets[rows], minlength=len(table.class_names or ())).tolist() for rows in parts]


@pytest.mark.parametrize(
    ("labels", "val_fraction", "test_fraction", "sizes", "notes"),
    [
        pytest.param(
            [0] * 50 + [1] * 2, 0.2, 0.2, [[28, 2], [11, 0], [11, 0]],
            ("class 'c1' has 2 rows: all of them are in training",), id="two-rows-for-three-parts",
        ),
        pytest.param(
            [0] * 50 + [1], 0.0, 0.2, [[39, 1], [0, 0], [11, 0]],
            ("class 'c1' has 1 row: it is in training",), id="one-row-for-two-parts",
        ),
        pytest.param(
            [0] * 30 + [1, 2, 2, 3], 0.2, 0.2, [[16, 1, 2, 1], [7, 0, 0, 0], [7, 0, 0, 0]],
            ("classes 'c1' (1 row), 'c2' (2 rows), 'c3' (1 row): all of their rows are in training",), id="several",
        ),
        pytest.param(
            [0] * 97 + [1] * 3, 0.2, 0.1, None, ("class 'c1' has 3 rows: none of them is in the test",), id="none-in-test",
        ),
        pytest.param(
            [0] * 96 + [1] * 4, 0.02, 0.9, [[4, 4], [2, 0], [90, 0]],
            ("class 'c1' has 4 rows: all of them are in training",), id="none-left-to-train",
        ),
        pytest.param(
            [0] * 95 + [1] * 5, 0.05, 0.2, None, ("class 'c1' has 5 rows: none of them is in validation",), id="none-in-val",
        ),
    ],
)  # fmt: skip
def test_what_is_done_is_said(
    labels: list[int], val_fraction: float, test_fraction: float, sizes: list[list[int]] | None, notes: tuple[str, ...]
) -> None:
    table = classes(labels)
    divided = split_rows(table, val_fraction, test_fraction, 0, strict=False)
    assert divided.notes == notes
    assert sizes is None or sizes_of(table, divided) == sizes
    with pytest.raises(ValueError, match="add rows"):
        split_rows(table, val_fraction, test_fraction, 0)


def test_a_part_smaller_than_the_number_of_classes_is_drawn_at_random() -> None:
    table, seen = classes([*range(6), *range(6), 0, 0, 0]), set()
    for seed in range(40):
        divided = split_rows(table, 0.2, 0.2, seed, strict=False)
        assert list(map(len, divided)) == [9, 3, 3]
        assert min(sizes_of(table, divided)[0]) >= 1, "every class is in training"
        assert divided.notes[0] == f"15 rows and 6 classes: {CHANCE}"
        seen |= set(divided[2].tolist())
    assert seen == set(range(15)), "no row is spared for its place in the file"


def test_only_the_part_that_is_too_small_is_drawn_at_random() -> None:
    """The test rows stay those of scikit-learn, as without validation."""
    table = classes(np.arange(100) % 5)
    divided = split_rows(table, 0.03, 0.2, 1, strict=False)
    np.testing.assert_array_equal(divided[2], split_rows(table, 0.0, 0.2, 1)[2])
    assert "validation (3 rows) is taken from the others at random" in divided.notes[0]


def test_many_classes_are_listed_in_one_line() -> None:
    (note,) = split_rows(classes([0] * 60 + list(range(1, 12))), 0.2, 0.2, 0, strict=False).notes
    assert note.endswith("'c8' (1 row) and 3 more: all of their rows are in training") and "\n" not in note


def test_what_leaves_nothing_for_a_part_is_refused() -> None:
    with pytest.raises(ValueError, match=r"3 rows of 3 classes leave none for the test after one row of each class"):
        split_rows(classes([0, 1, 2]), 0.0, 0.3, 0, strict=False)
    with pytest.raises(ValueError, match=r"4 rows of 3 classes leave none for the test"):
        split_rows(classes([0, 0, 1, 2]), 0.2, 0.2, 0, strict=False)
    divided = split_rows(classes([0, 0, 0, 1, 2]), 0.2, 0.2, 0, strict=False)
    assert list(map(len, divided)) == [3, 1, 1], "control: one row more is enough"


def test_real_targets_have_no_rare_classes() -> None:
    for lenient, strict in zip(
        split_rows(numbers(9), 0.2, 0.2, 3, strict=False), split_rows(numbers(9), 0.2, 0.2, 3), strict=True
    ):
        np.testing.assert_array_equal(lenient, strict)


def test_validation_in_a_fold_may_miss_a_class() -> None:
    table = classes([0] * 40 + [1] * 4)
    divided = Fold(0, 4).rows(table, 0.05, seed=0, strict=False)
    assert sizes_of(table, divided) == [[27, 3], [3, 0], [10, 1]]
    assert divided.notes == ("class 'c1' has 4 rows: none of them is in validation",)
    with pytest.raises(ValueError, match="'c1' has 4 rows, 0 of them for validation"):
        Fold(0, 4).rows(table, 0.05, seed=0)


@settings(max_examples=300)
@given(
    labels=st.lists(st.sampled_from([0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6]), min_size=1, max_size=80),
    val_fraction=st.one_of(st.just(0.0), st.floats(0.01, 0.6)),
    test_fraction=st.one_of(st.just(0.0), st.floats(0.01, 0.6)),
    seed=st.integers(0, 2**32 - 1),
)
def test_whatever_the_classes(labels: list[int], val_fraction: float, test_fraction: float, seed: int) -> None:
    """A partition in which training has every class; where a strict split is possible it is that one, and without notes."""
    table = classes(np.unique(labels, return_inverse=True)[1])
    try:
        divided = split_rows(table, val_fraction, test_fraction, seed, strict=False)
    except ValueError as refusal:
        assert "add rows" in str(refusal)
        with pytest.raises(ValueError):
            split_rows(table, val_fraction, test_fraction, seed)
        return
    train, val, test = divided
    assert sorted([*train, *val, *test]) == list(range(len(labels)))
    assert set(table.targets[train]) == set(table.targets)
    assert (len(val) > 0, len(test) > 0) == (val_fraction > 0, test_fraction > 0)
    try:
        strict = split_rows(table, val_fraction, test_fraction, seed)
    except ValueError:
        assert divided.notes
        return
    assert not divided.notes
    for rows, expected in zip(divided, strict, strict=True):
        np.testing.assert_array_equal(rows, expected)
