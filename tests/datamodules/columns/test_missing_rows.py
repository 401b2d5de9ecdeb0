"""Columns that lack values in the same rows are recognised, wherever pieces end."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from datamodules.columns.missing_rows import MissingRows

FLAGS = st.lists(st.booleans(), max_size=50)


def seen(flags: list[bool], size: int = 50) -> MissingRows:
    values = np.where(np.array(flags, bool), np.nan, 1.5)
    return MissingRows.of(values[start : start + size] for start in range(0, len(values), size))


@given(FLAGS, st.integers(1, 60))
def test_pieces_do_not_matter(flags: list[bool], size: int) -> None:
    found = seen(flags, size)
    assert found == seen(flags) and (found.rows, found.count) == (len(flags), sum(flags))


@given(FLAGS, FLAGS)
def test_the_same_pattern_is_the_same_rows(one: list[bool], other: list[bool]) -> None:
    same = np.array_equal(np.flatnonzero(one), np.flatnonzero(other))
    assert (seen(one).pattern == seen(other).pattern) == same


def test_all_pairs_of_rows_have_patterns_of_their_own() -> None:
    n = 60
    patterns = {seen([i in pair for i in range(n)]).pattern for pair in ({a, b} for a in range(n) for b in range(n))}
    assert len(patterns) == n * (n + 1) // 2
    assert seen([False] * n).pattern == 0
