"""Mean and deviation of features, from rows as they are stored, a few at a time."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.columns.coding import Coding


class CodedScaler:
    """As scikit-learn's `StandardScaler` has them of features that are written out.

    Sparse ones are not centred: their mean is 0.

    Args:
        coding: how the features are stored.
        numbers: such a scaler, of the numbers.
    """

    def __init__(self, coding: Coding, numbers: Any) -> None:
        self.coding, self._numbers = coding, numbers
        self._total, self._counts = 0.0, [np.zeros(width) for width in coding.widths]
        self._sums = np.zeros((2, coding.num_features))

    def add(self, stored: NDArray[np.float64], weights: NDArray[np.float64] | None = None) -> None:
        """Rows (m, c), and how often they count (m,); None = once."""
        q = len(self.coding.numbers)
        if q:
            self._numbers.partial_fit(stored[:, :q], sample_weight=weights)
        self._total += len(stored) if weights is None else float(weights.sum())
        counts = self.coding.counts(stored, weights)
        if self.coding.slots:
            self._sums += self.coding.sums(stored, weights)
        self._counts = [total + count for total, count in zip(self._counts, counts, strict=True)]

    @property
    def mean(self) -> NDArray[np.float64]:
        """(d,)."""
        return self._joined(
            self._numbers.mean_ if self.coding.numbers else (), lambda share: share, np.zeros(self.coding.num_features)
        )

    @property
    def deviation(self) -> NDArray[np.float64]:
        """(d,), 1 for a constant feature."""
        # No more than half of the values of a sparse feature are other than 0, so that nothing is lost in the difference.
        mean, square = self._sums / self._total
        variance = np.where(square > 0, square - mean**2, 1.0)
        return self._joined(
            self._numbers.scale_ if self.coding.numbers else (),
            lambda share: np.where((share > 0) & (share < 1), np.sqrt(share * (1 - share)), 1.0),
            np.sqrt(np.where(variance > 0, variance, 1.0)),
        )

    @property
    def constant(self) -> list[int]:
        """Features of codes that are 0 in all rows, or 1 in all."""
        return [
            first + int(place)
            for first, counts in zip(self.coding.firsts, self._counts, strict=True)
            for place in np.flatnonzero((counts == 0) | (counts == self._total))
        ]

    def _joined(self, numbers: Any, of_share: Any, joined: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of the sparse features, with those of the others put in."""
        joined[list(self.coding.numbers)] = numbers
        for first, width, counts in zip(self.coding.firsts, self.coding.widths, self._counts, strict=True):
            joined[first : first + width] = of_share(counts / self._total)
        return joined
