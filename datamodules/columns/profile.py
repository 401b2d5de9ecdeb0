"""What the cells of a column look like: counted piece by piece, whatever the column turns out to be."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from datamodules.columns.arrow_types import is_date, is_number, is_text
from datamodules.columns.date_counts import DateCounts
from datamodules.columns.levels import LevelCounts
from datamodules.columns.missing_codes import AMONG_NUMBERS
from datamodules.columns.number_text import NOTATIONS, is_code, ornaments, read_number
from datamodules.columns.simple_numbers import are_codes, are_simple, may_be_numbers, values_of


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
        grouped: those of these in which something parts the thousands of some number.
        others: cells that are neither number nor perhaps missing.
        first_other: (text, row) of the first of them, rows counted from 1.
        first_infinite: likewise.
        is_whole: whether all numbers are whole.
        with_zeros: numbers that zeros lead.
        has_commas: whether a comma stands in a number.
        percents: numbers with a per cent sign.
        dates: which formats of dates read the cells.
        ornaments: what stands in numbers besides them.
        levels: how often each text occurs, or each value.
    """

    def __init__(self, kind: pa.DataType, codes: frozenset[str] = frozenset()) -> None:
        self.kind, self._codes = kind, codes
        self._code_values = {value: code for code in codes if (value := read_number(code, ".")) is not None}
        self._maybe_missing = pa.array(sorted(AMONG_NUMBERS | codes), pa.string())
        self.rows, self.numbers, self.others, self.with_zeros = 0, 0, 0, 0
        self.missing: Counter[str] = Counter()
        self.notations = set(NOTATIONS)
        self.has_commas, self.percents = False, 0
        self.grouped: set[str] = set()
        self.first_other: tuple[str, int] | None = None
        self.first_infinite: tuple[str, int] | None = None
        self.is_whole = True
        self.dates = DateCounts()
        self.ornaments: set[str] = set()
        self.levels = LevelCounts(level_text)

    def add(self, column: pa.ChunkedArray) -> None:
        """The next cells of the column."""
        if is_text(self.kind):
            self._add_texts(column)
        else:
            self._add_typed(column)
        self.rows += len(column)

    def _add_texts(self, column: pa.ChunkedArray) -> None:
        """Each different text is looked at once, and what is simple at once with others."""
        texts, counts = _counted(column)
        texts = pc.utf8_trim_whitespace(texts)
        self._add_missing("", column.null_count)
        by_point = are_simple(texts, ".")
        if by_point.all() and not self._codes:  # the common case
            self.levels.add(texts, counts)
        else:
            is_missing = _mask(pc.is_in(texts, value_set=self._maybe_missing))
            for text, count in zip(_where(texts, is_missing).to_pylist(), counts[is_missing].tolist(), strict=True):
                self._add_missing(text, count)
            is_blank = _mask(pc.equal(texts, ""))
            self.levels.add(_where(texts, ~is_blank), counts[~is_blank])
            texts, counts, by_point = _where(texts, ~is_missing), counts[~is_missing], by_point[~is_missing]
        if not len(texts):
            return
        by_comma = are_simple(texts, ",") if "," in self.notations or not by_point.all() else ~by_point
        is_simple = by_point | by_comma
        if is_simple.any():
            self._add_simple(texts, counts, by_point, by_comma, column)
        if not is_simple.all():
            self._add_others(_where(texts, ~is_simple), counts[~is_simple], column)
            if self.dates.is_possible:
                self.dates.add(texts, counts, lambda text: self._row(column, text))

    def _add_simple(
        self,
        texts: pa.Array,
        counts: NDArray[np.int64],
        by_point: NDArray[np.bool_],
        by_comma: NDArray[np.bool_],
        column: pa.ChunkedArray,
    ) -> None:
        """Those of the texts that are numbers with points or commas before their fraction."""
        is_simple = by_point | by_comma
        self.notations -= {decimal for decimal, by in ((".", by_point), (",", by_comma)) if (is_simple & ~by).any()}
        for decimal, gap, by in ((".", ",", by_point), (",", ".", by_comma)):
            if decimal in self.notations - self.grouped and (by & _mask(pc.match_substring(texts, gap))).any():
                self.grouped.add(decimal)
        for decimal, chosen in ((".", by_point), (",", by_comma & ~by_point)):
            if chosen.any():
                own = texts if chosen.all() else _where(texts, chosen)
                values = values_of(own, decimal)
                kept = self._add_codes(values, counts[chosen])
                self.numbers += int(counts[chosen][kept].sum())
                own, values = (own, values) if kept.all() else (_where(own, kept), values[kept])
                infinite = np.flatnonzero(np.isinf(values))
                if len(infinite):
                    self._add_infinite(own[int(infinite[0])].as_py(), column)
                    values = values[np.isfinite(values)]
                self.is_whole = self.is_whole and bool((np.floor(values) == values).all())
        self.with_zeros += int(counts[are_codes(texts)].sum())
        self.has_commas = self.has_commas or bool(pc.any(pc.match_substring(texts, ",")).as_py())
        self.dates.rule_out()

    def _add_others(self, texts: pa.Array, counts: NDArray[np.int64], column: pa.ChunkedArray) -> None:
        """Texts that are no simple numbers: others, or none."""
        is_other = ~may_be_numbers(texts)
        for place in np.flatnonzero(~is_other).tolist():
            text, count = texts[place].as_py(), int(counts[place])
            if readable := {decimal for decimal in NOTATIONS if read_number(text, decimal) is not None}:
                self._add_number(text, readable, count, column)
            else:
                is_other[place] = True
        self.others += int(counts[is_other].sum())
        if self.first_other is None and is_other.any():
            text = texts[int(np.flatnonzero(is_other)[0])].as_py()
            self.first_other = (text, self._row(column, text))

    def _add_number(self, text: str, readable: set[str], count: int, column: pa.ChunkedArray) -> None:
        value = float(read_number(text, max(readable)) or 0.0)
        if (code := self._code_values.get(value)) is not None:
            self._add_missing(code, count)
        else:
            self.numbers += count
            self.is_whole = self.is_whole and (value.is_integer() or not np.isfinite(value))
            if not np.isfinite(value):
                self._add_infinite(text, column)
        self.notations &= readable
        self.grouped |= {decimal for decimal in readable if read_number(text, decimal, groups=False) is None}
        self.ornaments |= ornaments(text)
        self.has_commas, self.percents = self.has_commas or "," in text, self.percents + count * ("%" in text)
        self.with_zeros += count * is_code(text)

    def _add_infinite(self, text: str, column: pa.ChunkedArray) -> None:
        row = self._row(column, text)
        if self.first_infinite is None or row < self.first_infinite[1]:
            self.first_infinite = (text, row)

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
            values = values[~np.isnan(values)]
            values = values[self._add_codes(values, np.ones(len(values), np.int64))]
            self.numbers += len(values)
            self.is_whole = self.is_whole and bool((np.floor(values) == values).all())
        elif is_date(self.kind):
            self.others += len(found)
            self.dates.set_typed()
        elif not pa.types.is_nested(self.kind):
            self.others += len(found)
        if not pa.types.is_nested(self.kind):
            if pa.types.is_floating(self.kind):
                found = found.filter(pc.is_finite(found))
            self.levels.add(*_counted(found))

    def _add_codes(self, values: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Count the numbers that stand for missing values; which of them do not."""
        kept = np.ones(len(values), bool)
        for value, code in self._code_values.items():
            is_code = values == value
            self._add_missing(code, int(counts[is_code].sum()))
            kept &= ~is_code
        return kept

    def _add_missing(self, text: str, count: int) -> None:
        if count:
            self.missing[text] += count

    def _row(self, column: pa.ChunkedArray, text: str) -> int:
        return self.rows + int(pc.index(pc.utf8_trim_whitespace(column), text).as_py()) + 1


def level_text(value: object) -> str:
    """A value as the name of a category: whole numbers without a fraction, truth values as they are written everywhere."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _counted(column: pa.ChunkedArray) -> tuple[pa.Array, NDArray[np.int64]]:
    """The different values but null, as they come, and how often each occurs."""
    found = pc.value_counts(column.drop_null() if column.null_count else column)
    return found.field("values"), found.field("counts").to_numpy(zero_copy_only=False)


def _where(texts: pa.Array, chosen: NDArray[np.bool_]) -> pa.Array:
    return texts.filter(pa.array(chosen))


def _mask(found: pa.Array) -> NDArray[np.bool_]:
    return found.to_numpy(zero_copy_only=False)
