r"""Sums and products with twice the digits of float64, as unevaluated pairs  hi + lo.

    a + b = s + e ,     s = fl(a + b),   e = (a − (s − (s − a))) + (b − (s − a))           (Knuth)
    a · b = p + e ,     p = fl(a · b),   e from the halves of a and b, 26 bits each        (Dekker)

Both are exact as long as nothing over- or underflows, for which the columns are scaled first. A sum of pairs errs by about
ε² of its terms' magnitudes, so cancellation to the last digit of float64 leaves that many correct digits again.

Sources: T. Ogita, S. Rump and S. Oishi, Accurate sum and dot product (2005), algorithms 3.1, 3.3 and 5.3; N. Higham,
Accuracy and Stability of Numerical Algorithms, 2nd ed. (2002), section 4.3.
"""

from typing import NamedTuple

import torch
from torch import Tensor

# 2²⁷ + 1, which splits the 53 bits of a float64 in two.
SPLITTER = 134217729.0


class Pair(NamedTuple):
    """hi + lo, with |lo| ≤ ε |hi|; tensors of one shape."""

    hi: Tensor
    lo: Tensor


def two_sum(a: Tensor, b: Tensor) -> Pair:
    """a + b, exactly."""
    s = a + b
    t = s - a
    return Pair(s, (a - (s - t)) + (b - t))


def two_product(a: Tensor, b: Tensor) -> Pair:
    """a · b, exactly."""
    p = a * b
    (a1, a2), (b1, b2) = _halves(a), _halves(b)
    return Pair(p, a2 * b2 - (((p - a1 * b1) - a2 * b1) - a1 * b2))


def _halves(a: Tensor) -> tuple[Tensor, Tensor]:
    t = SPLITTER * a
    high = t - (t - a)
    return high, a - high


def plus(a: Pair, b: Pair) -> Pair:
    """a + b, to ε² of their magnitudes."""
    hi, lo = two_sum(a.hi, b.hi)
    return Pair(*two_sum(hi, lo + a.lo + b.lo))


def total(terms: Pair) -> Pair:
    """The sum over the first dimension, by halves: (n, …) -> (…)."""
    hi, lo = terms
    if len(hi) == 0:
        zero = hi.new_zeros(hi.shape[1:])
        return Pair(zero, zero)
    while len(hi) > 1:
        half = len(hi) // 2
        low, high = Pair(hi[:half], lo[:half]), Pair(hi[half : 2 * half], lo[half : 2 * half])
        rest = hi[2 * half :], lo[2 * half :]
        hi, lo = plus(low, high)
        if len(rest[0]):
            hi, lo = torch.cat([hi, rest[0]]), torch.cat([lo, rest[1]])
    return Pair(hi[0], lo[0])


def product(x: Tensor, w: Tensor) -> Pair:
    """X W: (n, d), (d, K) -> (n, K)."""
    sums = Pair(x.new_zeros(len(x), w.shape[1]), x.new_zeros(len(x), w.shape[1]))
    for column, row in zip(x.T, w, strict=True):
        sums = plus(sums, two_product(column[:, None], row[None]))
    return sums


def transposed_product(x: Tensor, e: Pair) -> Pair:
    """Xᵀ e: (n, d), (n, K) -> (d, K)."""
    columns = []
    for k in range(e.hi.shape[1]):
        terms = two_product(x, e.hi[:, k, None])
        columns.append(total(Pair(terms.hi, terms.lo + x * e.lo[:, k, None])))
    return Pair(torch.stack([c.hi for c in columns], 1), torch.stack([c.lo for c in columns], 1))
