"""How the numbers that a column is read as become features: the training rows settle it, and later rows are held to it.

number    its value, a missing one the median of the training rows;  missing: 0 or 1
category  0 or 1 for each but the reference, the most frequent one
date      days since 1970, year, month and weekday, numbers and categories each
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Part = Literal["", "days", "year", "month", "weekday"]
OTHER, MISSING = "other", "missing"
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Encoding:
    """Of one column, or of one part of its dates.

    Attributes:
        column: its name.
        part: of the dates.
        levels: the categories that have a feature each but the first, the reference; None for numbers.
        places: of all categories that the column is read as, their place among the levels (L,), or −1.
        pools: whether all other categories have a feature together; else they count as the reference.
        has_value: of numbers, whether the value is a feature.
        marks_missing: whether it is a feature that there is no value.
        fill: what stands for a missing number; None = nothing may be missing.
    """

    column: str
    part: Part = ""
    levels: tuple[str, ...] | None = None
    places: tuple[int, ...] = ()
    pools: bool = False
    has_value: bool = True
    marks_missing: bool = False
    fill: float | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Of the k features."""
        own = f"{self.column} ({self.part})" if self.part else self.column
        marks = (f"{own}={_free(MISSING, self.levels)}",) if self.marks_missing else ()
        if self.levels is None:
            return (*((own,) if self.has_value else ()), *marks)
        others = (f"{own}={_free(OTHER, self.levels)}",) if self.pools and self.levels else ()
        return (*(f"{own}={level}" for level in self.levels[1:]), *others, *marks)

    def features(self, cells: NDArray[np.float64]) -> NDArray[np.float64]:
        """What the column was read as (m,) -> (m, k)."""
        cells = part_of(cells, self.part)
        found, is_missing = np.zeros((len(cells), len(self.names))), np.isnan(cells)
        if self.levels is None:
            if self.has_value:
                found[:, 0] = cells if self.fill is None else np.where(is_missing, self.fill, cells)
        else:
            groups, width = self.groups(cells), max(0, len(self.levels) - 1)
            rows = np.flatnonzero(groups > 0)
            found[rows, groups[rows] - 1] = 1
            if self.pools and self.levels:
                found[groups == -1, width] = 1
        if self.marks_missing:
            found[is_missing, -1] = 1
        return found

    @property
    def is_category(self) -> bool:
        """Whether at most one of its features is 1."""
        return self.levels is not None

    def codes(self, cells: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of a category, which of the k features is 1, from 1, or 0 (m,): cells (m,)."""
        cells = part_of(cells, self.part)
        groups = self.groups(cells)
        found = np.maximum(groups, 0).astype(np.float64)
        if self.pools and self.levels:
            found[groups == -1] = len(self.levels)
        if self.marks_missing:
            found[groups == -2] = len(self.names)
        return found

    def groups(self, cells: NDArray[np.float64]) -> NDArray[np.int64]:
        """The place of each cell among the levels (m,); −1 where it is none of them, −2 where it is missing."""
        places = np.array([*self.places, -1], np.int64)
        codes = np.where(np.isnan(cells), -1, cells).astype(np.int64)
        return np.where(np.isnan(cells), -2, places[codes])

    def stand_in(self, is_missing: bool = True) -> str:
        """What a cell without a value counts as, or one of a category that no training row has."""
        if self.levels is None:
            if self.fill is None:
                return "refused"
            value = np.datetime64(int(self.fill), "D") if self.part == "days" else f"{self.fill:.4g}"
            return f"as the median {value}" + ", marked" * self.marks_missing
        if is_missing and self.marks_missing:
            return "as a category of its own"
        return "as other" if self.pools or not self.levels else f"as {self.levels[0]!r}, the reference"

    def plain(self) -> dict[str, Any]:
        """The same in texts, numbers and lists."""
        return dict(vars(self))

    @staticmethod
    def from_plain(plain: dict[str, Any]) -> "Encoding":
        levels = None if plain["levels"] is None else tuple(plain["levels"])
        return Encoding(**{**plain, "levels": levels, "places": tuple(plain["places"])})


def part_of(cells: NDArray[np.float64], part: Part) -> NDArray[np.float64]:
    """Of days since 1970-01-01 (m,): themselves, the year, the month or the weekday from 0; nan stays."""
    if part in ("", "days"):
        return cells
    days = np.where(np.isnan(cells), 0, np.floor(np.nan_to_num(cells))).astype("datetime64[D]")
    if part == "year":
        found = days.astype("datetime64[Y]").astype(np.int64) + 1970
    elif part == "month":
        found = days.astype("datetime64[M]").astype(np.int64) % 12
    else:
        found = (days.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
    return np.where(np.isnan(cells), np.nan, found)


def _free(name: str, levels: tuple[str, ...] | None) -> str:
    """A name that no category has."""
    return f"({name})" if levels is not None and name in levels else name
