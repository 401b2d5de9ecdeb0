"""What the cells of a column look like: counted piece by piece, whatever the column turns out to be."""

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from datamodules.columns.arrow_types import is_date, is_number, is_text
from datamodules.columns.date_text import DAYS, FORMATS, looks_like_a_date, read_dates
from datamodules.columns.levels import LevelCounts
from datamodules.columns.missing_codes import AMONG_NUMBERS
from datamodules.columns.number_text import NOTATIONS, is_code, ornaments, read_number


class Profile:
    """Of one column. Blanks around texts count for nothing.

    Args:
        kind: Arrow's type of the cells; of a text file all are texts.
        codes: further texts that stand for a missing value.

    Attributes:
        rows: cells so far.
        missing: how often each text that may stand for a missing value occurs; an empty cell is "".
        numbers: cells that are numbers.
        notations: those in which all of them can be read, "." and ",".
        others: cells that are neither number nor perhaps missing.
        first_other: (text, row) of the first of them, rows counted from 1.
        first_infinite: likewise.
        is_whole: whether all numbers are whole.
        with_zeros: numbers that zeros lead.
        formats: of dates, those that read all cells so far; None until there was a cell.
        ornaments: what stands in numbers besides them.
        levels: how often each text occurs, or each value.
    """

    def __init__(self, kind: pa.DataType, codes: frozenset[str] = frozenset()) -> None:
        self.kind, self.maybe_missing = kind, AMONG_NUMBERS | codes
        self._code_values = {value: code for code in codes if (value := read_number(code, ".")) is not None}
        self.rows, self.numbers, self.others, self.with_zeros = 0, 0, 0, 0
        self.missing: Counter[str] = Counter()
        self.notations = set(NOTATIONS)
        self.first_other: tuple[str, int] | None = None
        self.first_infinite: tuple[str, int] | None = None
        self.is_whole = True
        self.formats: tuple[str, ...] | None = None
        self.ornaments: set[str] = set()
        self.levels = LevelCounts()

    def add(self, column: pa.ChunkedArray) -> None:
        """The next cells of the column."""
        if is_text(self.kind):
            if not self._add_plain_numbers(column):
                self._add_texts(column)
        else:
            self._add_typed(column)
        self.rows += len(column)

    def _add_plain_numbers(self, column: pa.ChunkedArray) -> bool:
        """The common case at once: plain numbers and empty cells. Whether that is what they are."""
        try:
            values, is_whole = pc.cast(column, pa.int64()), True
        except pa.ArrowInvalid:
            try:
                values, is_whole = pc.cast(column, pa.float64()), False
            except pa.ArrowInvalid:
                return False
        found = values.drop_null().to_numpy()
        if len(found):
            if not np.isfinite(found).all() or pc.any(pc.match_substring_regex(column, "^[+-]?0[0-9]")).as_py():
                return False
            if not is_whole and "," in self.notations:
                self.notations &= _notations(column)
            found = self._without_codes(found)
            self.is_whole = self.is_whole and (is_whole or bool((np.floor(found) == found).all()))
            self.numbers += len(found)
            self.formats = ()
            if not self.levels.is_cut:
                self.levels.add(_counted(column.drop_null()))
        self._add_missing("", column.null_count)
        return True

    def _add_texts(self, column: pa.ChunkedArray) -> None:
        trimmed = pc.utf8_trim_whitespace(column)
        self._add_missing("", trimmed.null_count)
        counts = _counted(trimmed.drop_null())
        for text, count in counts.items():
            if text in self.maybe_missing:
                self._add_missing(text, count)
            elif readable := {decimal for decimal in NOTATIONS if read_number(text, decimal) is not None}:
                self._add_number(text, readable, count, trimmed)
            else:
                self.others += count
                if self.first_other is None:
                    self.first_other = (text, self._row(trimmed, text))
        counts.pop("", None)
        self.levels.add(counts)
        if self.formats != ():
            self._keep_formats([text for text in counts if text not in self.maybe_missing])

    def _add_number(self, text: str, readable: set[str], count: int, column: pa.ChunkedArray) -> None:
        value = float(read_number(text, min(readable)) or 0.0)
        if np.isfinite(value):
            self.is_whole = self.is_whole and value.is_integer()
        elif self.first_infinite is None:
            self.first_infinite = (text, self._row(column, text))
        self.notations &= readable
        self.numbers += count
        self.ornaments |= ornaments(text)
        self.with_zeros += count * is_code(text)

    def _keep_formats(self, texts: list[str]) -> None:
        """Keep the formats of dates that read all these cells."""
        if not texts:
            return
        if self.formats is None and not all(map(looks_like_a_date, texts[:10])):
            self.formats = ()
            return
        cells = pa.array(texts, pa.string())
        self.formats = tuple(form for form in self.formats or FORMATS if np.isfinite(read_dates(cells, form)).all())

    def _add_typed(self, column: pa.ChunkedArray) -> None:
        """Cells that a Parquet file has a type for."""
        self._add_missing("", column.null_count)
        found = column.drop_null()
        if is_number(self.kind):
            values = found.to_numpy().astype(np.float64)
            self._add_missing("NaN", int(np.isnan(values).sum()))
            if np.isinf(values).any() and self.first_infinite is None:
                row = int(np.flatnonzero(np.isinf(pc.cast(column, pa.float64(), safe=False).to_numpy()))[0])
                self.first_infinite = (str(column[row]), self.rows + row + 1)
            values = self._without_codes(values[~np.isnan(values)])
            self.numbers += len(values)
            self.is_whole = self.is_whole and bool((np.floor(values) == values).all())
        elif is_date(self.kind):
            self.others += len(found)
            self.formats = (DAYS,)
        elif not pa.types.is_nested(self.kind):
            self.others += len(found)
        if not (self.levels.is_cut or pa.types.is_nested(self.kind)):
            if pa.types.is_floating(self.kind):
                found = found.filter(pc.is_finite(found))
            self.levels.add({level_text(value): count for value, count in _counted(found).items()})

    def _without_codes(self, values: NDArray[Any]) -> NDArray[Any]:
        """The numbers but those that stand for missing values, which are counted."""
        for value, code in self._code_values.items():
            if count := int((values == value).sum()):
                self._add_missing(code, count)
                values = values[values != value]
        return values

    def _add_missing(self, text: str, count: int) -> None:
        if count:
            self.missing[text] += count

    def _row(self, column: pa.ChunkedArray, text: str) -> int:
        return self.rows + int(pc.index(column, text).as_py()) + 1


def level_text(value: object) -> str:
    """A value as the name of a category: whole numbers without a fraction, truth values as they are written everywhere."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _counted(column: pa.ChunkedArray) -> dict[str, int]:
    counts = pc.value_counts(column)
    return dict(zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True))


def _notations(column: pa.ChunkedArray) -> set[str]:
    """In which all these plain numbers can be read: 1.500 may be one and a half thousand."""
    is_grouped = pc.match_substring_regex(column, r"^[+-]?[0-9]{1,3}(\.[0-9]{3})*$")
    return {".", ","} if pc.all(is_grouped).as_py() else {"."}
