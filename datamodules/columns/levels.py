"""How often each value of a column occurs, in memory that does not grow with the number of rows."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

MOST_LEVELS = 10_000


class LevelCounts:
    """Exact for up to 10 000 different values. Of more, those that are more than 1/5 000 of all are kept for certain.

    With more than 10 000 counts the 5 001st largest is taken from all of them, and those that it leaves nothing of are
    forgotten. Each time 5 001 counts lose as much, so that no count loses more than a 5 001st of all.

    Source: J. Misra and D. Gries, Finding repeated elements (1982), by many elements at once; P. Agarwal et al., Mergeable
    summaries (2012), section 3.

    Args:
        name: of a value, as a text; different ones may have the same.
    """

    def __init__(self, name: Callable[[Any], str] = str) -> None:
        self._name, self._is_cut = name, False
        self._values: list[pa.Array] = []
        self._counts: list[NDArray[np.int64]] = []
        self._size = 0
        self._named: Counter[str] | None = None

    def add(self, values: pa.Array, counts: NDArray[np.int64]) -> None:
        """So many of each of these values, which may occur several times; all are of one type."""
        if not len(values):
            return
        self._values.append(values)
        self._counts.append(counts)
        self._size, self._named = self._size + len(values), None
        if self._size > 3 * MOST_LEVELS:  # counts are put together seldom, in Arrow, so that columns of numbers cost little
            self._merge()

    @property
    def is_cut(self) -> bool:
        """Whether there were more than 10 000 different values: counts are too low then."""
        self._merge()
        return self._is_cut

    @property
    def counts(self) -> Counter[str]:
        """Of the values, by their names."""
        if self._named is None:
            self._merge()
            self._named = Counter()
            for values, counts in zip(self._values, self._counts, strict=True):
                for value, count in zip(values.to_pylist(), counts.tolist(), strict=True):
                    self._named[self._name(value)] += count
        return self._named

    def __len__(self) -> int:
        return len(self.counts)

    def _merge(self) -> None:
        if len(self._values) < 2 and self._size <= MOST_LEVELS:
            return
        table = pa.table({"value": pa.chunked_array(self._values), "count": np.concatenate(self._counts)})
        found = table.group_by("value", use_threads=False).aggregate([("count", "sum")])
        values, counts = found["value"].combine_chunks(), found["count_sum"].to_numpy()
        if len(values) > MOST_LEVELS:
            self._is_cut = True
            place = len(counts) - 1 - MOST_LEVELS // 2
            cut = np.partition(counts, place)[place]
            values, counts = values.filter(pa.array(counts > cut)), counts[counts > cut] - cut
        self._values, self._counts, self._size = [values], [counts], len(values)
