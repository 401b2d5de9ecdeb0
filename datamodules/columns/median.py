r"""The median of a column that need not be in memory.

    rank r of x_1 … x_n:  the bits of a float64, made to sort like the number, are told 16 at a time: of all numbers that begin
    like it so far, each pass counts how many go on with each of the 2^16 possible bits, and the r-th falls into one of them

until few enough are left to be sorted: at most four passes give the number to the last bit. Source: D. Knuth, The Art of
Computer Programming, vol. 3, 2nd ed. (1998), section 5.2.5 (radix sorting), for one rank.
"""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

# Of so many numbers the middle ones are found in memory.
FEW = 2**20
_SIGN = np.uint64(1 << 63)
_DIGIT, _DIGITS = 16, 4
Pieces = Callable[[], Iterable[NDArray[np.float64]]]


def median(pieces: Pieces, count: int) -> float:
    """Of `count` finite numbers, given again and again in pieces; of an even number the mean of the middle two."""
    low = _of_rank(pieces, count, (count - 1) // 2)
    high = low if count % 2 else _of_rank(pieces, count, count // 2)
    middle = (low + high) / 2
    # The sum of large numbers may overflow; there is no −0 among medians.
    return middle + 0.0 if np.isfinite(middle) else low / 2 + high / 2


def _of_rank(pieces: Pieces, count: int, rank: int) -> float:
    """The number that so many of them are less than, or equal to, and come before it."""
    prefix, place = np.uint64(0), _DIGITS

    def those_left() -> Iterable[NDArray[np.uint64]]:
        above = np.uint64(_DIGIT * place)
        for piece in pieces():
            keys = _keys(piece)
            yield keys[keys >> above == prefix] if place < _DIGITS else keys

    while count > FEW and place:
        counts, shift = np.zeros(1 << _DIGIT, np.int64), np.uint64(_DIGIT * (place - 1))
        for keys in those_left():
            counts += np.bincount((keys >> shift & np.uint64((1 << _DIGIT) - 1)).astype(np.int64), minlength=len(counts))
        ends = np.cumsum(counts)
        digit = int(np.searchsorted(ends, rank, side="right"))
        rank, count = rank - int(ends[digit] - counts[digit]), int(counts[digit])
        prefix, place = (prefix << np.uint64(_DIGIT)) | np.uint64(digit), place - 1
    return _number(np.partition(np.concatenate(list(those_left())), rank)[rank] if place else prefix)


def _keys(values: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Unsigned numbers that sort like the values."""
    bits = np.ascontiguousarray(values).view(np.uint64)
    return np.where(bits & _SIGN, ~bits, bits | _SIGN)


def _number(key: np.uint64) -> float:
    """The value of a key."""
    return float(np.array(key ^ _SIGN if key & _SIGN else ~key, np.uint64).view(np.float64))
