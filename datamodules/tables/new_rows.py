"""Rows of another file, read as the training rows were, and refused where that cannot be."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from datamodules.serving.encoding import NUMBER, Encoding
from datamodules.tables.column_rules import is_number, is_text
from datamodules.tables.row_stream import RowStream
from datamodules.tables.table import listed


@dataclass(frozen=True)
class NewRows:
    """A CSV file with a header, or a Parquet file, with the columns that a model was trained on, in any order among others.

    Every refusal is a ValueError of one line that names the file, the column and the row, counted from 1 below the header.

    Attributes:
        path: the file.
        delimiter: what separates the cells of a CSV file.
        encodings: of the columns, from the training rows.
        kept: columns to hand on as they are.
    """

    path: Path
    delimiter: str
    encodings: tuple[Encoding, ...]
    kept: tuple[str, ...] = ()

    @property
    def expected_rows(self) -> int:
        """For a progress bar."""
        return RowStream(self.path, self.delimiter).expected_rows

    @property
    def kept_schema(self) -> pa.Schema:
        """Names and types of the kept columns; those of a CSV file are texts."""
        stream = RowStream(self.path, self.delimiter)
        self._refuse_columns(stream.schema.names)
        return pa.schema([(name, stream.schema.field(name).type if stream.is_parquet else pa.string()) for name in self.kept])

    def pieces(self) -> Iterator[tuple[NDArray[np.float64], pa.Table]]:
        """(features (m, d) unscaled, kept columns) of a few rows at a time, in the order of the file.

        Raises:
            ValueError: a column or a cell that the model cannot be given; no rows.
            OSError: the file cannot be read.
        """
        stream = RowStream(self.path, self.delimiter)
        self._refuse_columns(stream.schema.names)
        rows = 0
        for piece in stream.unconverted(list(dict.fromkeys([*(e.column for e in self.encodings), *self.kept]))):
            blocks = [self._block(encoding, piece[encoding.column], rows + 1) for encoding in self.encodings]
            rows += len(piece)
            yield np.concatenate(blocks, 1), piece.select(list(self.kept))
        if not rows:
            raise ValueError(f"{self.path} has no rows: there is nothing to predict")

    def _refuse_columns(self, names: list[str]) -> None:
        wanted = [encoding.column for encoding in self.encodings]
        if missing := [name for name in wanted if name not in names]:
            raise ValueError(
                f"{self.path} has no column {listed(map(repr, missing))}, which the model was trained on: its columns are "
                f"{listed(map(repr, names), 20)}"
            )
        if missing := [name for name in self.kept if name not in names]:
            raise ValueError(
                f"{self.path} has no column {listed(map(repr, missing))} to keep: its columns are {listed(names, 20)}"
            )
        if repeated := sorted({name for name in (*wanted, *self.kept) if names.count(name) > 1}):
            raise ValueError(f"{self.path}: several columns are called {listed(map(repr, repeated))}: rename them")

    def _block(self, encoding: Encoding, column: pa.ChunkedArray, first: int) -> NDArray[np.float64]:
        """(m, k) of a column that begins with row number `first`."""
        name = encoding.column
        if column.null_count:
            row = first + pc.index(column.is_null(), True).as_py()
            raise ValueError(f"{self.path}: column {name!r} is empty in row {row}: fill it in, or leave out that row")
        if encoding.categories is None and is_text(column.type):
            column = pc.utf8_trim_whitespace(column)
        cells = self._converted(encoding, column, first)
        block = encoding.block(cells)
        if encoding.categories is None:
            if not np.isfinite(block).all():
                row = int(np.flatnonzero(~np.isfinite(block[:, 0]))[0])
                raise ValueError(
                    f"{self.path}: column {name!r} holds {block[row, 0]} in row {first + row}, which is not finite"
                )
        elif (unknown := np.flatnonzero(encoding.codes(cells) < 0)).size:
            row = int(unknown[0])
            raise ValueError(
                f"{self.path}: column {name!r} holds {str(cells[row])!r} in row {first + row}, which is none of the categories "
                f"of the training rows: {listed(map(repr, encoding.categories), 20)}"
            )
        return block

    def _converted(self, encoding: Encoding, column: pa.ChunkedArray, first: int) -> pa.ChunkedArray:
        """The cells in the type that those of the training rows had; numbers of any type as they are."""
        name, kind = encoding.column, encoding.kind
        if str(column.type) == kind or (kind == NUMBER and is_number(column.type)):
            return column
        wanted = "numbers" if kind == NUMBER else kind
        with suppress(pa.ArrowException, ValueError):  # no cast of all cells, or no cast to such a type at all
            return pc.cast(column, pa.type_for_alias(kind))
        for row, cell in enumerate(column, first):
            try:
                pc.cast(cell, pa.type_for_alias(kind))
            except (pa.ArrowException, ValueError):
                raise ValueError(
                    f"{self.path}: column {name!r} holds {str(cell)!r} in row {row}, where the training rows held {wanted}"
                ) from None
        raise ValueError(f"{self.path}: column {name!r} is {column.type}, where the training rows held {wanted}")
