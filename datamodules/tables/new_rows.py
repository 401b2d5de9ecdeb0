"""Rows of another file, read by the rules of the training rows, in its own notation, or refused where these say so."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from datamodules.columns import Column, Encoding
from datamodules.columns.arrow_types import is_text
from datamodules.columns.given import WANTED, bad_cell
from datamodules.files import TableFile
from datamodules.files.unchanged import unchanged
from datamodules.messages import listed
from datamodules.serving.preprocessing import Preprocessing
from datamodules.tables.cell_pieces import cells_of, refuse_lacking
from datamodules.tables.new_notation import new_notations, read_in_new_notation


@dataclass(frozen=True)
class NewRows:
    """A file with the columns that a model was trained on, in any order among others.

    Every refusal is a ValueError of one line that names the file, the column and the row, counted from 1 below the header.

    Attributes:
        file: the file.
        preprocessing: how the training rows were read.
        kept: columns to hand on as they are.
        filled: by column, how many cells without a value were given what the training rows say.
        unknown: by column, how many cells were of a category that the training rows do not have.
    """

    file: TableFile
    preprocessing: Preprocessing
    kept: tuple[str, ...] = ()
    filled: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)

    @property
    def kept_schema(self) -> pa.Schema:
        """Names and types of the kept columns; those of a text file are texts."""
        refuse_lacking(self.file, self.kept, " to keep")
        return pa.schema([self.file.schema.field(name) for name in self.kept])

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """Those of the training, as the cells of this file are read; texts of numbers and dates are looked at first."""
        refuse_lacking(self.file, [column.name for column in self.trained_columns])
        return read_in_new_notation(self.file, self.trained_columns)

    @property
    def trained_columns(self) -> tuple[Column, ...]:
        """Of the features, and behind them those of the offset."""
        return *self.preprocessing.encoder.columns, *self.preprocessing.given.columns

    def pieces(self) -> Iterator[tuple[NDArray[np.float64], pa.Table]]:
        """(features (m, d) unscaled, kept columns) of a few rows at a time, in the order of the file.

        Behind the features stands the offset, (m, d + 1), where the model was trained with one.

        Raises:
            ValueError: a column or a cell that the model cannot be given; no rows.
            OSError: the file cannot be read.
        """
        rows = 0
        with unchanged([self.file.path]):  # between the look at its texts and their reading
            names = [column.name for column in self.columns]
            for piece in self.file.pieces([*names, *self.kept]):
                first = len(self.preprocessing.encoder.columns)
                cells = [self._cells(column, piece[column.name], rows) for column in self.columns[:first]]
                features = self.preprocessing.encoder.features(cells)
                if self.preprocessing.given.has_offset:
                    options = zip(self.preprocessing.given.by_option, self.columns[first:], strict=True)
                    others = [self._given_cells(option, column, piece[column.name], rows) for option, column in options]
                    features = np.column_stack([features, self.preprocessing.given.offset_of(others)])
                rows += len(piece)
                yield features, piece.select(list(self.kept))
        if not rows:
            raise ValueError(f"{self.file.path} has no rows: there is nothing to predict")

    def notes(self) -> list[str]:
        """What was done to the rows that have gone by, a line each."""
        notes = new_notations(self.trained_columns, self.columns)
        if self.filled:
            cells = listed(f"{name!r} ({count}, {self._encoding(name).stand_in()})" for name, count in self.filled.items())
            notes.append(f"missing values: {cells}")
        if self.unknown:
            cells = listed(
                f"{name!r} ({count}, {self._encoding(name).stand_in(False)})" for name, count in self.unknown.items()
            )
            notes.append(f"categories that no training row has: {cells}")
        return notes

    def _given_cells(self, option: str, column: Column, values: pa.ChunkedArray, rows: int) -> NDArray[np.float64]:
        """Of the offset or the exposure, for which nothing stands in."""
        cells = cells_of(self.file, column, values, rows)
        row = int(np.isnan(cells).argmax()) if np.isnan(cells).any() else bad_cell(option, cells)
        if row is not None:
            held = "empty" if np.isnan(cells[row]) else f"{cells[row]:g}"
            raise ValueError(
                f"{self.file.path}: column {column.name!r} ({option}) is {held} in row {rows + row + 1}, and every row needs "
                f"{WANTED[option]}: correct it, or leave out that row"
            )
        return cells

    def _encoding(self, name: str) -> Encoding:
        return next(encoding for encoding in self.preprocessing.encoder.encodings if encoding.column == name)

    def _cells(self, column: Column, values: pa.ChunkedArray, rows: int) -> NDArray[np.float64]:
        """What the column is read as, refused or counted where there is no value or an unknown category."""
        path, cells = self.file.path, cells_of(self.file, column, values, rows)
        if (infinite := np.flatnonzero(np.isinf(cells))).size:
            raise ValueError(
                f"{path}: column {column.name!r} holds {values[int(infinite[0])]} in row {rows + infinite[0] + 1}, which is "
                "not finite: correct it, or leave out that row"
            )
        missing = np.flatnonzero(np.isnan(cells))
        unknown = np.flatnonzero(cells < 0) if column.kind == "category" else missing[:0]
        if not self.preprocessing.is_strict:
            self.filled.update({column.name: len(missing)} if len(missing) else {})
            self.unknown.update({column.name: len(unknown)} if len(unknown) else {})
        elif len(missing):
            raise ValueError(
                f"{path}: column {column.name!r} is empty in row {rows + missing[0] + 1}: fill it in, or leave out that row"
            )
        elif len(unknown):
            value = values[int(unknown[0])].as_py()
            raise ValueError(
                f"{path}: column {column.name!r} holds {value.strip() if is_text(values.type) else str(value)!r} in row "
                f"{rows + unknown[0] + 1}, which is none of the categories of the training rows: "
                f"{listed(map(repr, column.levels), 20)}"
            )
        return cells
