"""Which columns of a stored table are features themselves, and which are codes that stand for several.

A code 0 … w says which of w features of a category is 1; 0 = none of them, the reference. So a table with categories takes no
more memory than its columns, and whoever sums over its rows can count codes in place of multiplying zeros. Of sparse features
a row has slots: the places, from 1, and behind them the values of those that are not 0.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Coding:
    """How features (d,) are stored: first the numbers, then a code for each category, then the slots of the sparse ones.

    Attributes:
        numbers: places of the numbers among the features.
        firsts: where the features of each code begin.
        widths: how many they are.
        slots: m, of each row; 2m columns are stored of them.
        num_sparse: features that are neither numbers nor of codes.
        long_rows: sparse features of rows with more than m (l, d), the others 0. If there are any, the number of each row among
            them, from 1, or 0, is the last stored column.
    """

    numbers: tuple[int, ...]
    firsts: tuple[int, ...] = ()
    widths: tuple[int, ...] = ()
    slots: int = 0
    num_sparse: int = 0
    long_rows: NDArray[np.float64] | None = field(default=None, compare=False, repr=False)

    @staticmethod
    def of_numbers(d: int) -> "Coding":
        """Of features that are stored as they are."""
        return Coding(tuple(range(d)))

    @property
    def has_codes(self) -> bool:
        """Whether there is any code, or slot."""
        return bool(self.widths) or self.slots > 0

    @property
    def num_features(self) -> int:
        """d."""
        return len(self.numbers) + sum(self.widths) + self.num_sparse

    @property
    def num_stored(self) -> int:
        """c, the stored columns."""
        return len(self.numbers) + len(self.widths) + 2 * self.slots + (self.long_rows is not None)

    def stored_names(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """What the stored columns but the slots are called, from the names of the features (d,): a code as its first one."""
        return tuple(names[place] for place in (*self.numbers, *self.firsts))

    def stored_scaling(
        self, mean: NDArray[np.float64], deviation: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and deviation (d,) of the features -> those of the stored columns (c,): codes and slots stay as they are."""
        numbers, others = list(self.numbers), self.num_stored - len(self.numbers)
        return np.append(mean[numbers], np.zeros(others)), np.append(deviation[numbers], np.ones(others))

    def counts(self, stored: NDArray[np.float64], weights: NDArray[np.float64] | None) -> list[NDArray[np.float64]]:
        """Weight of the rows in which each feature of each code is 1, (w,) each: rows (n, c) and weights (n,), None = 1."""
        first = len(self.numbers)
        return [
            np.bincount(stored[:, first + number].astype(np.intp), weights, width + 1)[1:].astype(np.float64)
            for number, width in enumerate(self.widths)
        ]

    def sums(self, stored: NDArray[np.float64], weights: NDArray[np.float64] | None) -> NDArray[np.float64]:
        """Σ w v and Σ w v² of each sparse feature, 0 of others: rows (n, c) and weights (n,), None = 1, -> (2, d)."""
        first = len(self.numbers) + len(self.widths)
        places = stored[:, first : first + self.slots].astype(np.intp)
        values = stored[:, first + self.slots : first + 2 * self.slots]
        weighted = values if weights is None else weights[:, None] * values
        parts = [np.bincount(places.ravel(), part.ravel(), self.num_features + 1) for part in (weighted, weighted * values)]
        found = np.stack(parts)[:, 1:].astype(np.float64, copy=False)
        if self.long_rows is not None:
            numbers = stored[:, first + 2 * self.slots].astype(np.intp)
            counts = np.bincount(numbers, weights, len(self.long_rows) + 1)[1:]
            found += np.stack([counts @ self.long_rows, counts @ self.long_rows**2])
        return found

    def plain(self) -> dict[str, Any]:
        """The same in numbers and lists."""
        assert self.long_rows is None, "files have no sparse rows"
        return {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()}

    @staticmethod
    def from_plain(plain: dict[str, Any]) -> "Coding":
        """What `plain` was made of."""
        given: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in plain.items()}
        return Coding(**given)


def coding_of(widths: list[int | None]) -> Coding:
    """From what each column of a table becomes in turn: one number (None), or so many features of a code."""
    ends = np.cumsum([0, *(1 if width is None else width for width in widths)]).tolist()
    places = [(first, last - first, width) for (first, last), width in zip(pairwise(ends), widths, strict=True)]
    return Coding(
        tuple(first for first, _, width in places if width is None),
        tuple(first for first, _, width in places if width is not None),
        tuple(size for _, size, width in places if width is not None),
    )
