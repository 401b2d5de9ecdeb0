"""Rows of a group stay together."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.model_selection import GroupShuffleSplit

from datamodules.serving.split import split_rows
from datamodules.serving.split_by_groups import split_by_groups
from tests.datamodules.serving.test_split import numbers


def test_the_groups_of_the_test_are_those_of_scikit_learn() -> None:
    groups = np.random.default_rng(0).integers(0, 20, 200)
    for val_fraction in (0.0, 0.2):
        ((rest, expected),) = GroupShuffleSplit(1, test_size=0.25, random_state=7).split(groups, groups=groups)
        train, val, test = split_by_groups(groups, val_fraction, 0.25, 7)
        np.testing.assert_array_equal(test, expected)
        assert set(train) | set(val) == set(rest)


@settings(max_examples=200)
@given(
    groups=st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=60),
    val_fraction=st.one_of(st.just(0.0), st.floats(0.01, 0.6)),
    test_fraction=st.one_of(st.none(), st.just(0.0), st.floats(0.01, 0.6)),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_partition_of_whole_groups(groups: list[str], val_fraction: float, test_fraction: float | None, seed: int) -> None:
    try:
        parts = split_by_groups(np.array(groups), val_fraction, test_fraction, seed)
    except ValueError as refusal:
        assert "none for training" in str(refusal) and "add groups" in str(refusal)
        return
    assert sorted(np.concatenate(parts)) == list(range(len(groups)))
    whole = [{groups[row] for row in rows} for rows in parts]
    assert sum(map(len, whole)) == len(set(groups)), "no group is in two parts"
    assert list(map(bool, whole)) == [True, val_fraction > 0, bool(test_fraction)]
    assert all((np.diff(rows) > 0).all() for rows in parts), "in the order of the file"


def test_shares_are_of_the_groups() -> None:
    groups = np.repeat(np.arange(10), np.arange(1, 11))
    assert [len(set(groups[rows])) for rows in split_by_groups(groups, 0.2, 0.3, 0)] == [5, 2, 3]


def test_the_seed_decides() -> None:
    groups = np.arange(50) // 2
    once, again, other = (split_by_groups(groups, 0.2, 0.2, seed)[2] for seed in (1, 1, 2))
    assert np.array_equal(once, again) and not np.array_equal(once, other)


def test_control_a_split_by_rows_tears_groups_apart() -> None:
    groups = np.arange(50) // 5
    train, _, test = split_rows(numbers(50), 0.2, 0.2, 0)
    assert set(groups[train]) & set(groups[test])


@pytest.mark.parametrize(
    ("groups", "says"),
    [
        (np.array(["a", "b"] * 9), "2 groups leave none for training after 1 for the test and 1 for validation: add groups"),
        (np.array(["a"] * 9), "1 group leaves none for training"),
        (np.array(["a", None, "b", "c"], dtype=object), "groups of mixed types cannot be told apart"),
        (np.zeros((4, 2)), "groups of shape (4, 2): give one group for each row"),
    ],
)
def test_what_makes_no_groups_is_refused(groups: NDArray[Any], says: str) -> None:
    with pytest.raises(ValueError) as refusal:
        split_by_groups(groups, 0.2, 0.2, 0)
    assert says in str(refusal.value) and "\n" not in str(refusal.value)
