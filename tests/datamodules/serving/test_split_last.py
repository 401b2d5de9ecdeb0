"""The past is trained on, the future tested."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamodules.serving.class_notes import with_class_notes
from datamodules.serving.split import split_rows
from datamodules.serving.split_last import split_last
from tests.datamodules.serving.test_split import classes, numbers


@given(
    n=st.integers(1, 200),
    val_fraction=st.one_of(st.just(0.0), st.floats(0.01, 0.9)),
    test_fraction=st.one_of(st.none(), st.just(0.0), st.floats(0.01, 0.9)),
)
def test_the_parts_follow_each_other(n: int, val_fraction: float, test_fraction: float | None) -> None:
    try:
        parts = split_last(n, val_fraction, test_fraction)
    except ValueError as refusal:
        assert "none for training" in str(refusal)
        with pytest.raises(ValueError, match="none for training"):
            split_rows(numbers(n), val_fraction, test_fraction, 0)
        return
    assert np.concatenate(parts).tolist() == list(range(n)), "training, validation, test, in the order of the file"
    assert list(map(len, parts)) == list(map(len, split_rows(numbers(n), val_fraction, test_fraction, 0)))


def test_control_a_shuffled_split_tests_on_the_past() -> None:
    train, _, test = split_rows(numbers(100), 0.2, 0.2, 0)
    assert train.max() > test.min()


def test_a_class_that_comes_up_late_is_told_of() -> None:
    table = classes([0] * 5 + [1] * 3 + [2] * 2)
    divided = with_class_notes(table, split_last(10, 0.0, 0.2))
    assert divided.notes == (
        "classes 'c0' (5 rows), 'c1' (3 rows): all of their rows are in training",
        "class 'c2' has 2 rows: none of them is in training",
    )
    shuffled = classes([0, 1] * 5)
    assert with_class_notes(shuffled, split_last(10, 0.2, 0.2)).notes == (), "control: every class in every part"
    assert with_class_notes(numbers(10), split_last(10, 0.2, 0.2)).notes == (), "real targets have no classes"
