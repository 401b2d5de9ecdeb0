r"""The order of the rows in an epoch: the one home of what is random about it.

Of up to 2^20 rows it is `torch.randperm`. Of more, a permutation in memory would grow with the rows, and this one needs none:
a number i < n is written as (l, r) with i = l a + r, a = ⌈√n⌉, and eight rounds

    (l, r) ← (r, (l + F_k(r)) mod a)             F_k a hash of r, keyed by seed, epoch and round

permute the a² such pairs, whatever F_k is, since each round can be undone. A pair that stands for no number below n is
permuted again until one does; a² < n + 2√n + 1, so hardly any are, and what is left is a permutation of the n numbers.

Which of the two it is depends on n alone, not on where the rows are: a table in memory and one on disk have the same order.

Sources: M. Luby and C. Rackoff, How to construct pseudorandom permutations from pseudorandom functions (1988); J. Black and P.
Rogaway, Ciphers with arbitrary finite domains (2002), sections 3 and 4; for F_k the finaliser of SplitMix64 (G. Steele, D. Lea
and C. Flood, 2014).
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from datamodules.serving.mixed_seed import mixed_seed

MOST_IN_MEMORY = 2**20
ROUNDS = 8
Numbers = NDArray[np.uint64]


class RowOrder:
    """A random permutation of n rows, the same for the same seed and epoch.

    Args:
        num_rows: n.
        seed, epoch: what the order depends on, and nothing else.
    """

    def __init__(self, num_rows: int, seed: int, epoch: int) -> None:
        key = mixed_seed(seed, epoch)
        is_kept = num_rows <= MOST_IN_MEMORY
        self._kept = torch.randperm(num_rows, generator=torch.Generator().manual_seed(key)) if is_kept else None
        self._permutation = KeyedPermutation(num_rows, key)

    def rows(self, first: int, last: int) -> Tensor:
        """Which rows have the places first, …, last − 1 of the order: (last − first,), int64."""
        if self._kept is not None:
            return self._kept[first:last]
        return torch.from_numpy(self._permutation(np.arange(first, last, dtype=np.uint64)).astype(np.int64))


class KeyedPermutation:
    """A permutation of the numbers below n that is computed where it is asked for.

    Args:
        n: how many numbers there are, at most 2^62.
        key: which permutation it is.
    """

    def __init__(self, n: int, key: int) -> None:
        self._n = np.uint64(n)
        self._side = np.uint64(math.isqrt(n - 1) + 1)  # a
        self._keys = np.random.SeedSequence(key).generate_state(ROUNDS, np.uint64)

    def __call__(self, numbers: Numbers) -> Numbers:
        """Where each of the numbers goes (m,) -> (m,)."""
        places = self._once(numbers)
        while len(outside := np.flatnonzero(places >= self._n)):
            places[outside] = self._once(places[outside])
        return places

    def _once(self, numbers: Numbers) -> Numbers:
        left, right = numbers // self._side, numbers % self._side
        for key in self._keys:
            left, right = right, (left + hashed(right, key) % self._side) % self._side
        return left * self._side + right


def hashed(numbers: Numbers, key: np.uint64) -> Numbers:
    """64 bits for each number, every one of which depends on all bits of it and of the key: (m,) -> (m,)."""
    mixed = (numbers + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15) ^ key
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
