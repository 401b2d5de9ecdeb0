"""From the cells of a table to the features of a model."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.columns.coding import Coding, coding_of
from datamodules.columns.column import Column
from datamodules.columns.encoding import Encoding

ROWS_AT_ONCE = 2**14
# Below so many numbers, 8 MiB of them, codes spare nothing worth it; fewer features of a category are quicker as they are.
CODED_CELLS, CODED_FEATURES = 2**20, 4


@dataclass(frozen=True)
class Encoder:
    """How columns are read, and what their cells become.

    Attributes:
        columns: those of which there are features.
        encodings: of them, one each, of dates several.
    """

    columns: tuple[Column, ...]
    encodings: tuple[Encoding, ...]

    @staticmethod
    def of_numbers(names: Sequence[str]) -> "Encoder":
        """Of columns that are features as they are, without missing values."""
        return Encoder(tuple(Column(name, "number", groups=False) for name in names), tuple(map(Encoding, names)))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of the d features, all different."""
        names: dict[str, None] = {}
        for name in (name for encoding in self.encodings for name in encoding.names):
            number, free = 2, name
            while free in names:
                number, free = number + 1, f"{name} ({number})"
            names[free] = None
        return tuple(names)

    def features(self, cells: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        """What each column was read as, (m,) each -> (m, d)."""
        place = {column.name: number for number, column in enumerate(self.columns)}
        features, first = np.empty((len(cells[0]), len(self.names))), 0
        for encoding in self.encodings:
            width = len(encoding.names)
            for start in range(0, len(features), ROWS_AT_ONCE):
                rows = slice(start, start + ROWS_AT_ONCE)
                features[rows, first : first + width] = encoding.features(cells[place[encoding.column]][rows])
            first += width
        return features

    def coding(self, rows: int) -> Coding:
        """How the features of a table of so many rows are stored: categories as codes where the features take much memory."""
        if rows * len(self.names) < CODED_CELLS:
            return Coding.of_numbers(len(self.names))
        widths: list[int | None] = []
        for encoding in self.encodings:
            k = len(encoding.names)
            widths += [k] if encoding.is_category and k >= CODED_FEATURES else [None] * k
        return coding_of(widths)

    def stored(self, cells: Sequence[NDArray[np.float64]], coding: Coding) -> NDArray[np.float64]:
        """As `features`, but as they are stored: (m, c)."""
        if not coding.has_codes:
            return self.features(cells)
        place = {column.name: number for number, column in enumerate(self.columns)}
        stored, numbers, codes = np.empty((len(cells[0]), coding.num_stored)), 0, len(coding.numbers)
        for encoding in self.encodings:
            values, width = cells[place[encoding.column]], len(encoding.names)
            if encoding.is_category and width >= CODED_FEATURES:
                stored[:, codes] = encoding.codes(values)
                codes += 1
            else:
                stored[:, numbers : numbers + width] = encoding.features(values)
                numbers += width
        return stored

    def plain(self) -> dict[str, Any]:
        """The same in texts, numbers and lists, for a checkpoint, which must not need code to be read."""
        return {
            "columns": [column.plain() for column in self.columns],
            "encodings": [encoding.plain() for encoding in self.encodings],
        }

    @staticmethod
    def from_plain(plain: dict[str, Any]) -> "Encoder":
        """What `plain` was made of."""
        columns, encodings = map(Column.from_plain, plain["columns"]), map(Encoding.from_plain, plain["encodings"])
        return Encoder(tuple(columns), tuple(encodings))
