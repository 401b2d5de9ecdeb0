"""Counts of values are exact while there are few, and frequent values are never lost."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import datamodules.columns.levels
from datamodules.columns.levels import MOST_LEVELS, LevelCounts

PIECES = st.lists(st.lists(st.integers(0, 60), max_size=80), max_size=8)


def counted(pieces: list[list[int]], most: int) -> LevelCounts:
    """Each piece as its different values, some of them in two parts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datamodules.columns.levels, "MOST_LEVELS", most)
        found = LevelCounts()
        for piece in pieces:
            for part in (piece[::2], piece[1::2]):
                counts = Counter(map(str, part))
                found.add(pa.array(list(counts), pa.string()), np.array(list(counts.values()), np.int64))
        assert len(found) == len(found.counts)  # put together while there may be so many
        return found


@given(PIECES)
def test_few_values_are_counted(pieces: list[list[int]]) -> None:
    found = counted(pieces, 61)
    assert found.counts == Counter(str(value) for piece in pieces for value in piece) and not found.is_cut


@given(PIECES, st.integers(2, 40))
@settings(max_examples=300)
def test_frequent_values_are_kept_for_certain(pieces: list[list[int]], most: int) -> None:
    found, exact = counted(pieces, most), Counter(str(value) for piece in pieces for value in piece)
    lost = exact.total() / (most // 2 + 1)
    assert len(found) <= most
    for value, count in exact.items():
        assert count - lost <= found.counts[value] <= count
        assert value in found.counts or count <= lost
    assert found.is_cut or found.counts == exact


def test_more_than_a_five_thousandth_of_many() -> None:
    generator, n = np.random.default_rng(0), 400_000
    values = np.where(generator.random(n) < 0.01, generator.integers(0, 10, n), 100 + np.arange(n))
    found = LevelCounts()
    for start in range(0, n, 25_000):
        piece, counts = np.unique(values[start : start + 25_000], return_counts=True)
        found.add(pa.array(piece), counts)
    assert found.is_cut and len(found) <= MOST_LEVELS and {str(value) for value in range(10)} <= set(found.counts)


def test_ten_thousand_values_are_few() -> None:
    for more in (0, 1):
        found = LevelCounts()
        for _ in range(5):
            found.add(pa.array(range(MOST_LEVELS + more)), np.ones(MOST_LEVELS + more, np.int64))
        assert found.is_cut == bool(more)
        assert found.counts == ({} if more else Counter({str(value): 5 for value in range(MOST_LEVELS)}))


def test_values_of_the_same_name_are_one() -> None:
    found = LevelCounts(lambda value: str(abs(value)))
    found.add(pa.array([-1, 1, 2]), np.array([3, 4, 5]))
    assert found.counts == {"1": 7, "2": 5}
