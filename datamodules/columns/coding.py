"""Which columns of a stored table are features themselves, and which are codes that stand for several.

A code 0 … w says which of w features of a category is 1; 0 = none of them, the reference. So a table with categories takes no
more memory than its columns, and whoever sums over its rows can count codes in place of multiplying zeros.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Coding:
    """How features (d,) are stored: first the numbers, then a code for each category.

    Attributes:
        numbers: places of the numbers among the features.
        firsts: where the features of each code begin.
        widths: how many they are.
    """

    numbers: tuple[int, ...]
    firsts: tuple[int, ...] = ()
    widths: tuple[int, ...] = ()

    @staticmethod
    def of_numbers(d: int) -> "Coding":
        """Of features that are stored as they are."""
        return Coding(tuple(range(d)))

    @property
    def has_codes(self) -> bool:
        """Whether there is any code."""
        return bool(self.widths)

    @property
    def num_features(self) -> int:
        """d."""
        return len(self.numbers) + sum(self.widths)

    @property
    def num_stored(self) -> int:
        """c, the stored columns."""
        return len(self.numbers) + len(self.widths)

    def stored_names(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """What the stored columns are called, from the names of the features (d,): a code as its first feature."""
        return tuple(names[place] for place in (*self.numbers, *self.firsts))

    def stored_scaling(
        self, mean: NDArray[np.float64], deviation: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and deviation (d,) of the features -> those of the stored columns (c,): codes stay as they are."""
        numbers, codes = list(self.numbers), len(self.widths)
        return np.append(mean[numbers], np.zeros(codes)), np.append(deviation[numbers], np.ones(codes))

    def counts(self, stored: NDArray[np.float64], weights: NDArray[np.float64] | None) -> list[NDArray[np.float64]]:
        """Weight of the rows in which each feature of each code is 1, (w,) each: rows (n, c) and weights (n,), None = 1."""
        first = len(self.numbers)
        return [
            np.bincount(stored[:, first + number].astype(np.intp), weights, width + 1)[1:].astype(np.float64)
            for number, width in enumerate(self.widths)
        ]

    def plain(self) -> dict[str, Any]:
        """The same in numbers and lists."""
        return {name: list(value) for name, value in vars(self).items()}

    @staticmethod
    def from_plain(plain: dict[str, Any]) -> "Coding":
        return Coding(**{name: tuple(value) for name, value in plain.items()})


def coding_of(widths: list[int | None]) -> Coding:
    """From what each column of a table becomes in turn: one number (None), or so many features of a code."""
    ends = np.cumsum([0, *(1 if width is None else width for width in widths)]).tolist()
    places = [(first, last - first, width) for (first, last), width in zip(pairwise(ends), widths, strict=True)]
    return Coding(
        tuple(first for first, _, width in places if width is None),
        tuple(first for first, _, width in places if width is not None),
        tuple(size for _, size, width in places if width is not None),
    )
