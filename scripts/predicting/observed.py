"""The targets of new rows, and their weights, read as those of the training were."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from datamodules.columns import Column
from datamodules.columns.arrow_types import is_text
from datamodules.columns.given import WANTED, WEIGHTS, bad_cell
from datamodules.columns.number_text import read_number
from datamodules.files import TableFile
from datamodules.messages import listed
from datamodules.tables.cell_pieces import cells_of, refuse_lacking
from datamodules.tables.new_notation import read_in_new_notation


@dataclass(frozen=True)
class Observed:
    """A file's column of targets, and that of weights if the training had one.

    Every refusal is a ValueError of one line that names the file, the column and the row, counted from 1 below the header.

    Attributes:
        file: the file.
        target: how targets are read.
        weights: how weights are read; None = each row counts once.
    """

    file: TableFile
    target: Column
    weights: Column | None

    @staticmethod
    def of(file: TableFile, name: str | None, class_names: tuple[str, ...] | None, settings: dict[str, Any]) -> "Observed":
        """The columns in the notation that reads all their cells.

        Args:
            file: the file.
            name: of the targets; None = as in the training.
            class_names: of the training; None for real targets.
            settings: of the data module of the training.

        Raises:
            ValueError: no name is known, or there is no such column.
        """
        name = name or settings.get("target")
        if name is None:
            raise ValueError("--residuals: the model was not trained on a table, so name the column of targets by --target")
        codes = tuple(str(code).strip() for code in settings.get("missing_codes") or ())
        target = Column(name, "number", settings.get("decimal") or ".", codes)
        if class_names is not None and tuple(map(str.lower, class_names)) == ("false", "true"):
            target = Column(name, "truth", codes=codes)  # however the file writes it
        elif class_names is not None:
            are_numbers = all(read_number(text, ".") is not None for text in class_names)
            target = Column(name, "category", "." if are_numbers else "", codes, class_names)
        by = settings.get("weights") if isinstance(settings.get("weights"), str) else None
        columns = [target, *([Column(by, "number", settings.get("decimal") or ".", codes)] if by else [])]
        refuse_lacking(file, [target.name], ", the targets, from which residuals are")
        refuse_lacking(file, [column.name for column in columns[1:]], ", the weights of the training")
        columns = list(read_in_new_notation(file, columns))
        return Observed(file, columns[0], columns[1] if by else None)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns."""
        return tuple(column.name for column in (self.target, self.weights) if column is not None)

    def targets(self, piece: pa.Table, rows: int) -> NDArray[np.float64]:
        """Of some rows, before which there are so many others: numbers, or places of classes; nan where there is none (m,)."""
        values = piece[self.target.name]
        cells = cells_of(self.file, self.target, values, rows)
        if (infinite := np.flatnonzero(np.isinf(cells))).size:
            self.refuse(piece, int(infinite[0]), rows, "which is not finite")
        if self.target.kind == "category" and (unknown := np.flatnonzero(cells < 0)).size:
            classes = listed(map(repr, self.target.levels), 20)
            self.refuse(piece, int(unknown[0]), rows, f"which is none of the classes of the training: {classes}")
        return cells

    def weights_of(self, piece: pa.Table, rows: int) -> NDArray[np.float64]:
        """Of the same rows (m,)."""
        if self.weights is None:
            return np.ones(len(piece))
        cells = cells_of(self.file, self.weights, piece[self.weights.name], rows)
        row = int(np.isnan(cells).argmax()) if np.isnan(cells).any() else bad_cell(WEIGHTS, cells)
        if row is not None:
            held = "empty" if np.isnan(cells[row]) else f"{cells[row]:g}"
            raise ValueError(
                f"{self.file.path}: column {self.weights.name!r} (weights) is {held} in row {rows + row + 1}, and every row "
                f"needs {WANTED[WEIGHTS]}: correct it, or leave out that row"
            )
        return cells

    def refuse(self, piece: pa.Table, row: int, rows: int, why: str) -> None:
        """Raise the error of a target in a row of some."""
        values = piece[self.target.name]
        held = values[row].as_py()
        text = repr(held.strip()) if is_text(values.type) else str(held)
        raise ValueError(
            f"{self.file.path}: the target {self.target.name!r} is {text} in row {rows + row + 1}, {why}: correct it, or "
            "leave out that row"
        )
