"""The rows of a file as one number a cell, a few at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from datamodules.columns import Column
from datamodules.columns.column import WANTED, UnreadableCellError
from datamodules.columns.number_text import read_number
from datamodules.files import TableFile
from datamodules.messages import listed


@dataclass(frozen=True)
class CellPiece:
    """Some rows.

    Attributes:
        cells: of each of the c columns (c, m), as `Column` reads them.
        others: columns that were asked for as they are.
    """

    cells: NDArray[np.float64]
    others: pa.Table


def cell_pieces(file: TableFile, columns: Sequence[Column], others: Sequence[str] = ()) -> Iterator[CellPiece]:
    """The rows in the order of the file.

    Args:
        file: with these columns among others, in any order.
        columns: how they are read.
        others: names of columns to hand on as they are.

    Raises:
        OSError, ValueError: the file cannot be read, it lacks a column, or a cell is none of what its column holds.
    """
    names = [column.name for column in columns]
    refuse_lacking(file, [*names, *others])
    rows = 0
    for piece in file.pieces([*names, *others]):
        values = dict(zip(piece.column_names, piece.columns, strict=True))
        cells = np.empty((len(columns), len(piece)))
        for place, column in enumerate(columns):
            cells[place] = cells_of(file, column, values[column.name], rows)
        yield CellPiece(cells, piece.select(list(dict.fromkeys(others))))
        rows += len(piece)


def refuse_lacking(file: TableFile, names: Sequence[str], why: str = ", which the model was trained on") -> None:
    """Refuse a file without these columns.

    Raises:
        ValueError: names them.
    """
    held = file.schema.names
    if lacking := [name for name in dict.fromkeys(names) if name not in held]:
        raise ValueError(
            f"{file.path} has no column {listed(map(repr, lacking))}{why}: its columns are {listed(map(repr, held), 20)}"
        )


def cells_of(file: TableFile, column: Column, values: pa.ChunkedArray, rows: int) -> NDArray[np.float64]:
    """One column of some rows, before which there are so many others."""
    wanted = WANTED[column.kind]
    try:
        return column.cells(values)
    except UnreadableCellError as error:
        if column.kind == "number" and not column.groups and read_number(error.text.strip(), column.notation) is not None:
            wanted = "numbers without separators between thousands"
        raise ValueError(
            f"{file.path}: column {column.name!r} holds {error.text!r} in row {rows + error.row + 1}, where the training "
            f"rows held {wanted}: correct it, or leave out that row"
        ) from None
    except TypeError as error:
        raise ValueError(f"{file.path}: column {column.name!r} is {error}, where the training rows held {wanted}") from None
