"""Random designs of integers, some exactly collinear, some nearly, with their rank in exact arithmetic."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

Integers = Any  # an array of Python's integers, which are exact


def _sum(g: np.random.Generator, x: Integers) -> tuple[Integers, Integers]:
    return x, x.sum(1)


def _thousand(g: np.random.Generator, x: Integers) -> tuple[Integers, Integers]:
    return x, 1000 * x[:, 0] + (x[:, 1] if x.shape[1] > 1 else 7)


def _duplicate(g: np.random.Generator, x: Integers) -> tuple[Integers, Integers]:
    return x, x[:, int(g.integers(x.shape[1]))].copy()


def _many(g: np.random.Generator, x: Integers) -> tuple[Integers, Integers]:
    x = np.concatenate([x, _integers(g, -9, 10, (len(x), int(g.integers(3, 15))))], 1)
    return x, x.sum(1) - 3


def _affine(g: np.random.Generator, x: Integers) -> tuple[Integers, Integers]:
    return x, x @ _integers(g, -5, 6, x.shape[1]) + int(g.integers(-100, 100))


def _dummies(g: np.random.Generator, x: Integers) -> tuple[Integers, Integers]:
    levels = int(g.integers(2, 5))
    codes = g.integers(0, levels, len(x))
    x = np.concatenate([x, *(_exact(codes == level)[:, None] for level in range(levels - 1))], 1)
    return x, _exact(codes == levels - 1)


def _constant(g: np.random.Generator, x: Integers) -> tuple[Integers, Integers]:
    return x, np.full(len(x), int(g.integers(-5, 6)), dtype=object)


KINDS: list[Callable[[np.random.Generator, Integers], tuple[Integers, Integers]]] = [
    *(_sum, _thousand, _duplicate, _many, _affine, _dummies, _constant)
]


@dataclass
class Design:
    """A table as it is served, and what is true of it.

    Attributes:
        features: (n, d), in float64.
        dependent: features that depend on the bias and those before them, in exact arithmetic.
        name: what was built, for messages.
    """

    features: Tensor
    dependent: tuple[int, ...]
    name: str


def design(seed: int) -> Design:
    """Integers below 2⁵³, exact in float64; every other 7 are full rank by a relative change of 1e-4 to 1e-14.

    A third is standardised; a third has units from 1e-8 to 1e8, which round the numbers in their last place.
    """
    g = np.random.default_rng(seed)
    rows, kind, is_near = int(g.integers(6, 40)), KINDS[seed % 7], (seed // 7) % 2 == 1
    largest = int(10 ** g.uniform(0.5, 4))
    x = _integers(g, -largest, largest + 1, (rows, int(g.integers(1, 6))))
    if g.random() < 0.4:
        x = x + int(10 ** g.uniform(0, 7))  # means far larger than deviations
    x, column = kind(g, x)
    if is_near:
        # Relative to the terms that add up to the column, which is smaller where they cancel.
        magnitude = 5 * int(abs(x).sum(1).max()) + int(abs(column).max()) + 100
        column = column * max(1, int(10 ** g.uniform(4, 14)) // magnitude) + _integers(g, -1, 2, rows)
    columns = np.concatenate([x, column[:, None]], 1)[:, g.permutation(x.shape[1] + 1)]
    features = columns.astype(float)
    assert (features.astype(object) == columns).all(), "a number is not exact in float64"
    change = ("raw", "standardised", "in units")[(seed // 14) % 3]
    if change == "standardised":
        deviation = features.std(0)
        features = (features - features.mean(0)) / np.where(deviation > 0, deviation, 1)
    elif change == "in units":
        features = features * 10 ** g.uniform(-8, 8, features.shape[1])
    name = f"seed {seed}: {kind.__name__[1:]}, {'near' if is_near else 'exact'}, {change}, {features.shape}"
    return Design(torch.tensor(features), dependent(columns), name)


def dependent(columns: Integers) -> tuple[int, ...]:
    """Columns that depend on the bias and the ones before them, by fraction-free elimination (Bareiss, 1968)."""
    rest = np.concatenate([np.full((len(columns), 1), 1, dtype=object), columns], 1)
    last, rank, found = 1, 0, []
    for j in range(rest.shape[1]):
        (pivots,) = np.nonzero(rest[rank:, j])
        if len(pivots) == 0:
            found.append(j - 1)
            continue
        rest[[rank, rank + pivots[0]]] = rest[[rank + pivots[0], rank]]
        pivot, row = rest[rank, j], rest[rank].copy()
        rest[rank + 1 :] = (rest[rank + 1 :] * pivot - np.outer(rest[rank + 1 :, j], row)) // last
        last, rank = pivot, rank + 1
    return tuple(found)


def _integers(g: np.random.Generator, low: int, high: int, shape: Any) -> Integers:
    return _exact(g.integers(low, high, shape))


def _exact(numbers: Any) -> Integers:
    return np.array(numbers.astype(int).tolist(), dtype=object)
