"""What the training rows settle: medians, the categories that are frequent enough, the columns that say nothing."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from datamodules.columns.column import Column
from datamodules.columns.encoder import Encoder
from datamodules.columns.encoding import MONTHS, OTHER, WEEKDAYS, Encoding, Part, part_of
from datamodules.columns.median import median
from datamodules.columns.missing_rows import MissingRows
from datamodules.columns.report import Report, Topic
from datamodules.columns.rules import ColumnRules
from datamodules.messages import are, counted

PIECE_ROWS = 2**18
# In small tables a tenth of the rows is enough for a category of its own.
FEWEST_ROWS, TENTH = 5, 0.1
DATE_PARTS: dict[Part, tuple[str, ...]] = {"days": (), "year": (), "month": MONTHS, "weekday": WEEKDAYS}
Rows = NDArray[np.int64] | slice


class Cells(Protocol):
    """The cells of a column (n,), in memory or in a file."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Any, /) -> Any:
        """Those of some rows, in memory."""


class Learner:
    """Finds the encodings of columns by the cells of the training rows.

    Args:
        rules: what may be done to the columns.
        report: told what was done.
    """

    def __init__(self, rules: ColumnRules, report: Report) -> None:
        self.rules, self.report = rules, report
        self._marked: dict[int, str] = {}
        self._weights: Cells | None = None

    def encoder(self, columns: Sequence[Column], cells: Iterable[Cells], train: Rows, weights: Cells | None = None) -> Encoder:
        """The encodings of those columns that say something.

        A row of weight 2 counts as two rows: in medians, for the most frequent category, and for which ones are rare.

        Args:
            columns: how they are read.
            cells: of all rows, (n,) each.
            train: which of the rows are for training.
            weights: of all rows (n,), > 0; None = 1.

        Raises:
            ValueError: no column is left; what the rules refuse.
        """
        self._weights = weights if weights is None or isinstance(train, slice) else weights[train]
        found = [self._encodings(column, values, train) for column, values in zip(columns, cells, strict=True)]
        self.report.check()
        if not any(found):
            why = "; ".join(self.report.lines(3)) or "all others are excluded"
            raise ValueError(
                f"{self.rules.path} has no column left besides the target {self.rules.target!r}: there is nothing to predict "
                f"it from ({why})"
            )
        kept = [column for column, encodings in zip(columns, found, strict=True) if encodings]
        return Encoder(tuple(kept), tuple(encoding for encodings in found for encoding in encodings))

    def _encodings(self, column: Column, values: Cells, train: Rows) -> list[Encoding]:
        """Of one column; none if it says nothing."""
        missing = sum(int(np.isnan(values[start : start + PIECE_ROWS]).sum()) for start in range(0, len(values), PIECE_ROWS))
        if not isinstance(train, slice):  # put together once, of one column at a time
            values, train = values[train], slice(0, len(train))
        seen = MissingRows.of(_pieces(values, train)())
        if seen.count == seen.rows:
            self._leave_out(column, Topic.EMPTY, "")
            return []
        marks = seen.count > 0 and self.rules.missing == "impute" and seen.pattern not in self._marked
        if column.kind == "category":
            found = self._categories(column, "", column.levels, values, train, marks)
        elif column.kind == "date":
            found = [
                encoding
                for part, levels in DATE_PARTS.items()
                for encoding in self._part(column, part, levels, values, train, marks and part == "days")
            ]
        else:
            found = self._number(column, "", values, train, marks)
        if not found:
            self._leave_out(column, Topic.CONSTANT, "")
        elif missing:
            self._report_missing(column, found, missing, seen)
        return found

    def _part(
        self, column: Column, part: Part, levels: tuple[str, ...], values: Cells, train: slice, marks: bool
    ) -> list[Encoding]:
        return (
            self._categories(column, part, levels, values, train, marks)
            if levels
            else self._number(column, part, values, train, marks)
        )

    def _number(self, column: Column, part: Part, values: Cells, train: slice, marks: bool) -> list[Encoding]:
        def pieces() -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64] | None]]:
            for piece, weights in self._weighted(values, train):
                cells = part_of(piece, part)
                is_known = ~np.isnan(cells)
                yield cells[is_known], None if weights is None else weights[is_known]

        lowest, highest = min(p.min() for p, _ in pieces() if len(p)), max(p.max() for p, _ in pieces() if len(p))
        if lowest == highest and not marks:
            return []
        fill = median(pieces) if self.rules.missing == "impute" and not self.rules.strict else None
        return [Encoding(column.name, part, has_value=bool(lowest < highest), marks_missing=marks, fill=fill)]

    def _categories(
        self, column: Column, part: Part, levels: tuple[str, ...], values: Cells, train: slice, marks: bool
    ) -> list[Encoding]:
        counts = np.zeros(len(levels) + 1, np.int64)  # the last one counts those that are none of them
        sums: NDArray[Any] = counts if self._weights is None else np.zeros(len(counts))
        for piece, weights in self._weighted(values, train):
            cells = part_of(piece, part)
            is_known = ~np.isnan(cells)
            codes = cells[is_known].astype(np.int64)
            codes = np.where(codes < 0, len(levels), codes)
            counts += np.bincount(codes, minlength=len(counts))
            if weights is not None:
                sums += np.bincount(codes, weights[is_known], len(counts))
        kept = self._frequent(counts[:-1], sums[:-1], column.name in self.rules.categorical)
        pooled = int(counts.sum() - counts[kept].sum())
        if len(kept) + (pooled > 0) + marks < 2:
            if not (kept or part):
                self._leave_out(column, Topic.MANY_TEXTS, f" ({counted(len(levels), 'text')} in {counted(int(counts.sum()))})")
            return []
        self._report_levels(column, part, counts, kept)
        places = np.full(len(levels), -1)
        places[kept] = np.arange(len(kept))
        names = tuple(levels[code] for code in kept)
        return [Encoding(column.name, part, names, tuple(places.tolist()), pooled > 0, marks_missing=marks)]

    def _weighted(self, values: Cells, train: slice) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64] | None]]:
        """The training rows, a few at a time, with their weights."""
        weights = None if self._weights is None else _pieces(self._weights, train)()
        for piece in _pieces(values, train)():
            yield piece, None if weights is None else next(weights)

    def _frequent(self, rows: NDArray[np.int64], weights: NDArray[Any], is_named: bool) -> list[int]:
        """Codes of the categories that have a feature each but the first, the most frequent one; the others as they come.

        The most frequent one is that of the largest weight. No category is rare whose rows are many, however small their
        weights: weights that sum to 1 do not make all of them rare.
        """
        counts = np.maximum(rows, weights)
        fewest = self.rules.rare_levels or min(FEWEST_ROWS, max(2, math.ceil(TENTH * counts.sum())))
        order = sorted(np.flatnonzero(rows), key=lambda code: (-weights[code], code))
        if self.rules.strict:
            fewest = 1
        elif self.rules.rare_levels is None and order and counts.max() < fewest:
            # None is frequent. They are categories all the same if they come again, or the user says so.
            fewest = 2 if counts.sum() >= 2 * len(order) else 1 if is_named else fewest
        kept = [int(code) for code in order if counts[code] >= fewest][: self.rules.max_levels]
        if len(order) - len(kept) == 1 and len(kept) < self.rules.max_levels:
            kept.append(int(order[-1]))  # one alone would be pooled with nothing
        return kept[:1] + sorted(kept[1:])

    def _leave_out(self, column: Column, topic: Topic, detail: str) -> None:
        if column.name not in self.report.columns:
            self.report.add(topic, f"{column.name!r}{detail}")
            self.report.tell(column.name, topic.done)

    def _report_levels(self, column: Column, part: Part, counts: NDArray[np.int64], kept: list[int]) -> None:
        levels = DATE_PARTS.get(part) or column.levels
        rest = sorted(set(range(len(levels))) - set(kept))
        pooled, unseen = sum(counts[code] > 0 for code in rest) + (counts[-1] > 0), sum(counts[code] == 0 for code in rest)
        name = f"{column.name} ({part})" if part else column.name
        if pooled:
            more = "" if counts[-1] == 0 else "more than "
            self.report.add(Topic.POOLED, f"{name!r} ({more}{pooled} of {len(kept) + pooled})")
            self.report.tell(
                column.name,
                f"{more}{counted(int(pooled), 'category', 'categories')} with few rows {are(int(pooled))} {OTHER!r}",
            )
        if unseen and not part:
            self.report.add(Topic.UNSEEN, f"{name!r} ({counted(unseen, 'category', 'categories')})")

    def _report_missing(self, column: Column, found: list[Encoding], missing: int, seen: MissingRows) -> None:
        """Say what stands for the missing values, and remember in which rows they are."""
        how, marked = found[0].stand_in(), self._marked.get(seen.pattern)
        if marked is not None and seen.count:
            how += f", marked by that of {marked!r}"
        elif not seen.count:
            how += ", none of them in training"
        if found[0].marks_missing:
            self._marked[seen.pattern] = column.name
        self.report.add(Topic.MISSING, f"{column.name!r} ({missing})")
        self.report.tell(column.name, f"{missing} missing, {how}")


def _pieces(values: Cells, train: slice) -> Callable[[], Iterator[NDArray[np.float64]]]:
    """The training rows, a few at a time, from the beginning whenever asked."""

    def pieces() -> Iterator[NDArray[np.float64]]:
        for start in range(train.start, train.stop, PIECE_ROWS):
            yield np.asarray(values[start : min(start + PIECE_ROWS, train.stop)])

    return pieces


def pruned(encoder: Encoder) -> Encoder:
    """The same for later rows, without the categories that count as others anyway."""
    columns, encodings = list(encoder.columns), list(encoder.encodings)
    for number, encoding in enumerate(encodings):
        if encoding.levels is not None and not encoding.part:
            place = next(place for place, column in enumerate(columns) if column.name == encoding.column)
            columns[place] = replace(columns[place], levels=encoding.levels)
            encodings[number] = replace(encoding, places=tuple(range(len(encoding.levels))))
    return Encoder(tuple(columns), tuple(encodings))


def describe(encoder: Encoder, report: Report) -> None:
    """Account for the columns of which there are features."""
    kinds = {"number": "a number", "truth": "true or false", "category": "categories", "date": "dates"}
    for column in encoder.columns:
        width = sum(len(encoding.names) for encoding in encoder.encodings if encoding.column == column.name)
        told = [kinds[column.kind], counted(width, "feature"), report.columns.pop(column.name, "")]
        report.tell(column.name, "; ".join(filter(None, told)))
