"""In which rows a column has no value, in a few bytes."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


@dataclass(frozen=True)
class MissingRows:
    """Of the rows that went by.

    Attributes:
        rows: how many there were.
        count: how many of them have no value.
        pattern: the sum of a random number for each of those rows, modulo 2^64: the same for two columns that lack the same
            rows, and otherwise with a probability of 2^−64.
    """

    rows: int
    count: int
    pattern: int

    @staticmethod
    def of(pieces: Iterable[NDArray[np.float64]]) -> "MissingRows":
        rows, count, pattern = 0, 0, 0
        for piece in pieces:
            missing = np.flatnonzero(np.isnan(piece))
            if len(missing):
                pattern += int(_random(missing.astype(np.uint64) + np.uint64(rows)).sum())
            rows, count = rows + len(piece), count + len(missing)
        return MissingRows(rows, count, pattern % 2**64)


def _random(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A fixed random number for each, by the finaliser of SplitMix64 (G. Steele, D. Lea and C. Flood, 2014)."""
    mixed = (numbers + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX_1
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_2
    return mixed ^ (mixed >> np.uint64(31))
