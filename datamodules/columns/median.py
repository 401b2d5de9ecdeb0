r"""The median of a column that need not be in memory.

    rank r of x_1 … x_n:  the bits of a float64, made to sort like the number, are told 16 at a time: of all numbers that begin
    like it so far, each pass counts how many go on with each of the 2^16 possible bits, and the r-th falls into one of them

until few enough are left to be sorted: at most four passes give the number to the last bit. Source: D. Knuth, The Art of
Computer Programming, vol. 3, 2nd ed. (1998), section 5.2.5 (radix sorting), for one rank.
"""

import math
from collections.abc import Callable, Iterable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

# Of so many numbers the middle ones are found in memory.
FEW = 2**20
_SIGN = np.uint64(1 << 63)
_DIGIT, _DIGITS = 16, 4
Weights = NDArray[np.float64] | None
Pieces = Callable[[], Iterable[tuple[NDArray[np.float64], Weights]]]


def median(pieces: Pieces) -> float:
    """Of finite numbers, given again and again in pieces; of an even number the mean of the middle two.

    Args:
        pieces: numbers (m,), and how many times each of them counts (m,), None = once: with weights w these are the first
            number up to which Σ w reaches half of all, and the first up to which it exceeds it.
    """
    sizes = [(len(numbers), len(numbers) if weights is None else weights.sum()) for numbers, weights in pieces()]
    count, total = (sum(parts) for parts in zip(*sizes, strict=True))
    low, high = (_where_half_is(pieces, count, total / 2, side) for side in ("left", "right"))
    middle = (low + high) / 2
    # The sum of large numbers may overflow; there is no −0 among medians.
    return middle + 0.0 if np.isfinite(middle) else low / 2 + high / 2


def _where_half_is(pieces: Pieces, count: int, half: float, side: Literal["left", "right"]) -> float:
    """The number, of `count`, up to which they weigh at least half of all ("left"), or more than that ("right")."""
    prefix, place = np.uint64(0), _DIGITS

    def those_left() -> Iterable[tuple[NDArray[np.uint64], Weights]]:
        above = np.uint64(_DIGIT * place)
        for numbers, weights in pieces():
            keys = _keys(numbers)
            is_left = keys >> above == prefix if place < _DIGITS else slice(None)
            yield keys[is_left], None if weights is None else weights[is_left]

    while count > FEW and place:
        sums, counts, shift = np.zeros(1 << _DIGIT), np.zeros(1 << _DIGIT, np.int64), np.uint64(_DIGIT * (place - 1))
        for keys, weights in those_left():
            digits = (keys >> shift & np.uint64((1 << _DIGIT) - 1)).astype(np.int64)
            counts += np.bincount(digits, minlength=len(counts))
            sums += np.bincount(digits, weights, len(sums))
        ends = np.cumsum(sums)
        digit = min(int(np.searchsorted(ends, half, side)), int(np.flatnonzero(counts)[-1]))
        half, count = half - (ends[digit] - sums[digit]), int(counts[digit])
        prefix, place = (prefix << np.uint64(_DIGIT)) | np.uint64(digit), place - 1
    if not place:
        return _number(prefix)
    found, by = zip(*those_left(), strict=True)
    keys = np.concatenate(found)
    if by[0] is None:
        rank = math.ceil(half) - 1 if side == "left" else math.floor(half)
        return _number(np.partition(keys, rank)[rank])
    order = np.argsort(keys)
    ends = np.cumsum(np.concatenate(by)[order])
    return _number(keys[order[min(int(np.searchsorted(ends, half, side)), len(order) - 1)]])


def _keys(values: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Unsigned numbers that sort like the values."""
    bits = np.ascontiguousarray(values).view(np.uint64)
    return np.where(bits & _SIGN, ~bits, bits | _SIGN)


def _number(key: np.uint64) -> float:
    """The value of a key."""
    return float(np.array(key ^ _SIGN if key & _SIGN else ~key, np.uint64).view(np.float64))
