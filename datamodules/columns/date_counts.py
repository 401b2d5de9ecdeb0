"""Which formats of dates read the cells of a column, and how many of them."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from datamodules.columns.date_text import DAYS, FORMATS, looks_like_a_date, read_dates

# The share of cells that are dates for the others to be slips.
NEARLY = 0.9


class DateCounts:
    """Of the cells of one column that are no missing ones, as they go by."""

    def __init__(self) -> None:
        self._counts: dict[str, int] | None = None
        self._cells = 0
        self._first_other: dict[str, tuple[str, int]] = {}

    @property
    def is_possible(self) -> bool:
        """Whether some format may still read most of the cells."""
        return self._counts != {}

    def rule_out(self) -> None:
        """Some cell is a number."""
        self._counts = {}

    def set_typed(self) -> None:
        """The file itself says that they are dates."""
        self._counts = {DAYS: 0}

    def add(self, texts: pa.Array, counts: NDArray[np.int64], row_of: Callable[[str], int]) -> None:
        """So many of each of these texts; a few of the first ones rule out most formats."""
        if self._counts is None:
            some = texts[:20]
            if 2 * sum(map(looks_like_a_date, some.to_pylist())) < len(some):
                self._counts = {}
                return
            self._counts = {form: 0 for form in FORMATS if 2 * np.isfinite(read_dates(some, form)).sum() >= len(some)}
        self._cells += int(counts.sum())
        for form in self._counts:
            is_read = np.isfinite(read_dates(texts, form))
            self._counts[form] += int(counts[is_read].sum())
            if not is_read.all() and form not in self._first_other:
                text = texts[int(np.flatnonzero(~is_read)[0])].as_py()
                self._first_other[form] = (text, row_of(text))

    @property
    def formats(self) -> tuple[str, ...]:
        """Those that read all cells."""
        return tuple(form for form, count in (self._counts or {}).items() if count == self._cells > 0 or form == DAYS)

    @property
    def slip(self) -> tuple[str, str, int] | None:
        """(a format that reads nearly all cells, the first text that it does not read, its row); None if none does."""
        for form, count in (self._counts or {}).items():
            if NEARLY * self._cells <= count < self._cells:
                return (form, *self._first_other[form])
        return None
