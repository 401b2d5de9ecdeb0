"""How the cells of a column are read, those of the training rows and any later ones: to one number each.

    number    its value          truth    0 or 1
    category  its place          date     days since 1970-01-01

and nan for a missing one. A category that is none of the known ones is −1.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from datamodules.columns.arrow_types import described, is_date, is_number, is_text, is_truth
from datamodules.columns.date_text import DAYS, ISO, days, read_dates
from datamodules.columns.missing_codes import AMONG_NUMBERS, AMONG_TEXTS
from datamodules.columns.number_text import read_number
from datamodules.columns.profile import level_text
from datamodules.columns.simple_numbers import read_numbers

Kind = Literal["number", "truth", "category", "date"]
UNKNOWN = -1.0
TRUTH = {"true": 1.0, "false": 0.0}
WANTED = {"number": "numbers", "truth": "true or false", "category": "categories", "date": "dates"}


class UnreadableCellError(ValueError):
    """A cell is not what the column holds.

    Attributes:
        row: its place in the column, from 0.
        text: what it holds.
    """

    def __init__(self, row: int, text: str) -> None:
        super().__init__(f"{text!r} in row {row}")
        self.row, self.text = row, text


@dataclass(frozen=True)
class Column:
    """A column and how it is read.

    Attributes:
        name: its header.
        kind: what it holds.
        notation: of numbers written as texts "." or ",", what stands before the fraction; of dates their format; of
            categories "." if they are numbers, of which 1 and 1.0 are the same.
        codes: texts that stand for missing values, besides the usual ones.
        levels: the categories, in the order of their places.
        groups: whether thousands were parted in the numbers of the training rows. Where they were not, 1,500 is rather 1.5
            in another notation than 1500, so that it is not read at all.
    """

    name: str
    kind: Kind
    notation: str = "."
    codes: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    groups: bool = True

    def cells(self, column: pa.ChunkedArray) -> NDArray[np.float64]:
        """One number for each cell (m,).

        Raises:
            UnreadableCellError: a cell is none of what the column holds.
            TypeError: neither are all of them, by their type.
        """
        values = self._of_texts(column) if is_text(column.type) else self._of_typed(column)
        if self.kind in ("number", "truth") and (codes := [x for c in self.codes if (x := read_number(c, ".")) is not None]):
            values[np.isin(values, codes)] = np.nan
        return values

    def plain(self) -> dict[str, Any]:
        """The same in texts and lists."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @staticmethod
    def from_plain(plain: dict[str, Any]) -> "Column":
        """What `plain` was made of."""
        return Column(**{**plain, "codes": tuple(plain["codes"]), "levels": tuple(plain["levels"])})

    def _of_texts(self, column: pa.ChunkedArray) -> NDArray[np.float64]:
        if self.kind == "number" and self.notation == ".":
            try:  # the common case at once
                return pc.cast(column, pa.float64()).to_numpy().copy()
            except pa.ArrowInvalid:
                pass
        texts = pc.utf8_trim_whitespace(column).combine_chunks()
        if self.kind == "date":
            return self._dates(texts)
        if self.kind == "number":
            missing = AMONG_NUMBERS.union(self.codes)
            return _by_value(texts, lambda words: read_numbers(words, self.notation, missing, self.groups))
        read = self._truth if self.kind == "truth" else self._category
        return _by_value(texts, lambda words: list(map(read, words.to_pylist())))

    @cached_property
    def places(self) -> dict[str, float]:
        """Of the categories."""
        return {level: float(place) for place, level in enumerate(self.levels)}

    def _of_typed(self, column: pa.ChunkedArray) -> NDArray[np.float64]:
        if self.kind == "category":
            places = self.places
            return _by_value(
                column.combine_chunks(), lambda values: [places.get(level_text(v), UNKNOWN) for v in values.to_pylist()]
            )
        if self.kind == "date" and is_date(column.type):
            return days(column)
        if self.kind in ("number", "truth") and (is_number(column.type) or is_truth(column.type)):
            if pa.types.is_decimal(column.type):
                column = pc.cast(column, pa.string())  # Arrow's own cast misses the nearest number
            # Whole numbers beyond 2^53 become the nearest ones.
            return pc.cast(column, pa.float64(), safe=False).to_numpy().copy()
        if pa.types.is_null(column.type):
            return np.full(len(column), np.nan)
        raise TypeError(described(column.type))

    def _is_missing(self, text: str) -> bool:
        if self.kind == "category":
            return (text in AMONG_TEXTS or text in self.codes) and text not in self.places
        return text in AMONG_NUMBERS or text in self.codes

    def _truth(self, text: str) -> float | None:
        return np.nan if self._is_missing(text) else TRUTH.get(text.lower())

    def _category(self, text: str) -> float:
        if self._is_missing(text):
            return np.nan
        if self.notation == "." and (number := read_number(text, ".")) is not None:
            text = level_text(number)
        return self.places.get(text, UNKNOWN)

    def _dates(self, texts: pa.StringArray) -> NDArray[np.float64]:
        known = pc.if_else(pc.is_in(texts, pa.array([*AMONG_NUMBERS, *self.codes])), None, texts)
        found = read_dates(known, ISO if self.notation == DAYS else self.notation)
        wrong = np.flatnonzero(np.isnan(found) & known.is_valid().to_numpy(zero_copy_only=False))
        if len(wrong):
            raise UnreadableCellError(int(wrong[0]), texts[wrong[0]].as_py())
        return found


def _by_value(column: pa.Array, read: Callable[[pa.Array], Sequence[float | None]]) -> NDArray[np.float64]:
    """Each different value is read once."""
    encoded = column.dictionary_encode()
    found = read(encoded.dictionary)
    places = encoded.indices.to_numpy(zero_copy_only=False)
    if None in found:
        row = int(np.flatnonzero(places == found.index(None))[0])
        raise UnreadableCellError(row, str(column[row].as_py()))
    values = np.array([*found, np.nan], np.float64)
    return values[np.where(np.isnan(places), len(found), places).astype(np.int64)] if column.null_count else values[places]
