r"""The median of a column that need not be in memory.

    rank r of x_1 … x_n:  the bits of a float64, made to sort like the number, are told 16 at a time: of all numbers that begin
    like it so far, each pass counts how many go on with each of the 2^16 possible bits, and the r-th falls into one of them

Four passes give the number to the last bit. Source: D. Knuth, The Art of Computer Programming, vol. 3, 2nd ed. (1998),
section 5.2.5 (radix sorting), for one rank.
"""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

_SIGN = np.uint64(1 << 63)
_DIGIT, _DIGITS = 16, 4


def median(pieces: Callable[[], Iterable[NDArray[np.float64]]], count: int) -> float:
    """Of `count` finite numbers, given again and again in pieces; of an even number the mean of the middle two."""
    low, high = _of_rank(pieces, (count - 1) // 2), _of_rank(pieces, count // 2)
    return low if low == high else low + (high - low) / 2


def _of_rank(pieces: Callable[[], Iterable[NDArray[np.float64]]], rank: int) -> float:
    prefix = np.uint64(0)
    for place in range(_DIGITS - 1, -1, -1):
        shift, counts = np.uint64(_DIGIT * place), np.zeros(1 << _DIGIT, np.int64)
        for piece in pieces():
            keys = _keys(piece)
            if place < _DIGITS - 1:
                above = np.uint64(_DIGIT * (place + 1))
                keys = keys[keys >> above == prefix]
            counts += np.bincount((keys >> shift & np.uint64((1 << _DIGIT) - 1)).astype(np.int64), minlength=len(counts))
        ends = np.cumsum(counts)
        digit = int(np.searchsorted(ends, rank, side="right"))
        rank -= int(ends[digit] - counts[digit])
        prefix = (prefix << np.uint64(_DIGIT)) | np.uint64(digit)
    bits = prefix ^ _SIGN if prefix & _SIGN else ~prefix
    return float(np.array(bits, np.uint64).view(np.float64))


def _keys(values: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Unsigned numbers that sort like the values."""
    bits = np.ascontiguousarray(values).view(np.uint64)
    return np.where(bits & _SIGN, ~bits, bits | _SIGN)
