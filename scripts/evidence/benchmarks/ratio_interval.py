"""How well the ratio of two ways is known: an interval of the median of paired ratios that assumes nothing of their noise.

Of n independent values k − 1 or fewer lie below their distribution's median with the probability P(B ≤ k − 1), B binomial of n
and ½, and as often above it: from the k-th smallest to the k-th largest is an interval that holds the median with the
probability 1 − 2 P(B ≤ k − 1), whatever the distribution is. It is looked at after every round, to see whether another one is
needed, which makes the probability somewhat lower than that.
"""

import math
from collections.abc import Sequence
from statistics import median

# Of the whole range of five values. Fewer have no interval.
LEAST_COVERAGE = 15 / 16
# Another round is worth it until the ratio is known within a tenth, or lies on one side of 1 and is known within a quarter.
NARROW, ONE_SIDED = 1.1, 1.25


def median_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """The narrowest of those that hold the median with a probability of 15/16 at least; None of fewer than five values."""
    ordered, n = sorted(values), len(values)
    found, below = None, 0
    for k in range(1, n // 2 + 1):
        below += math.comb(n, k - 1)
        if 1 - 2 * below / 2**n < LEAST_COVERAGE:
            break
        found = ordered[k - 1], ordered[n - k]
    return found


def is_narrow(ratios: Sequence[float]) -> bool:
    """Whether the interval of their median is so narrow that no other round is needed."""
    error, distance = _error_and_distance(ratios)
    return error <= math.log(NARROW) or (error <= math.log(ONE_SIDED) and distance > 0)


def is_settled(ratios: Sequence[float]) -> bool:
    """Whether their median may be shown: its interval is narrow, or on one side of 1 and no farther out than 1 is.

    So a loss of 2.0 (1.3 … 2.9) that five seeds leave is shown as one, and 1.1 (0.7 … 1.5) is not.
    """
    error, distance = _error_and_distance(ratios)
    return is_narrow(ratios) or (distance > 0 and error <= distance)


def _error_and_distance(ratios: Sequence[float]) -> tuple[float, float]:
    """How far the farther end of the interval is from the median, and how far 1 is, 0 if it is within; both in logarithms."""
    interval = median_interval(ratios)
    if interval is None:
        return math.inf, 0.0
    low, high = interval
    if low == high:
        return 0.0, 0.0 if low == 1 else math.inf
    if low <= 0 or math.isinf(high):
        return math.inf, 0.0
    ratio = median(ratios)
    distance = abs(math.log(ratio)) if low > 1 or high < 1 else 0.0
    return max(math.log(high / ratio), math.log(ratio / low)), distance
