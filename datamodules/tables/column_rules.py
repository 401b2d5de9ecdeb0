"""What the columns of a table mean, and what is refused in them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from datamodules.serving.encoding import NUMBER, Encoding
from datamodules.tables.table import listed

MOST_CATEGORIES = 100
MOST_INTEGER_CLASSES = 20

Task = Literal["auto", "classification", "regression"]


@dataclass(frozen=True)
class ColumnRules:
    """The options of `TabularDataModule` that say what the columns of its file are.

    Every refusal is a ValueError of one line that names the file and the column.
    """

    path: Path
    target: str
    categorical: tuple[str, ...]
    exclude: tuple[str, ...]
    task: Task

    def features(self, names: list[str]) -> list[str]:
        """The columns of features among those of the file.

        Raises:
            ValueError: a name that occurs twice, an option that names no column, no feature at all.
        """
        if len(set(names)) < len(names):
            repeated = sorted({name for name in names if names.count(name) > 1})
            raise ValueError(f"{self.path}: several columns are called {listed(map(repr, repeated))}: rename them")
        for option, wanted in (
            ("target", (self.target,)),
            ("categorical", self.categorical),
            ("exclude", self.exclude),
        ):
            unknown = [name for name in wanted if name not in names]
            if unknown:
                raise ValueError(
                    f"{self.path} has no column {listed(map(repr, unknown))} ({option}): "
                    f"its columns are {listed(map(repr, names), 20)}"
                )
        features = [name for name in names if name != self.target and name not in self.exclude]
        if not features:
            raise ValueError(
                f"{self.path} has no column left besides the target {self.target!r}: there is nothing to predict it from"
            )
        return features

    def refuse_empty(self, rows: int) -> None:
        if not rows:
            raise ValueError(f"{self.path} has no rows: nothing can be fitted; check the file")

    def refuse_missing(self, counts: dict[str, int]) -> None:
        """Refuse columns with empty cells or cells that are no finite number, given how many each has."""
        counts = {name: count for name, count in counts.items() if count and name not in self.exclude}
        if counts:
            raise ValueError(
                f"{self.path}: {sum(counts.values())} values are missing or infinite, in columns "
                f"{listed(f'{name!r} ({count})' for name, count in counts.items())}: fill them in, drop those rows, or "
                "name the columns in exclude"
            )

    def targets(
        self, column: pa.ChunkedArray, unit: str = "row"
    ) -> tuple[NDArray[np.int64] | NDArray[np.float64], tuple[str, ...] | None]:
        """Labels (n,) and names of the classes, or real targets (n, 1) and None."""
        kind = column.type
        numeric = is_number(kind)
        if not (numeric or pa.types.is_boolean(kind) or is_text(kind)):
            raise ValueError(
                f"{self.path}: the target {self.target!r} is {_described(kind)}, neither number nor text: convert it, or "
                "choose another target"
            )
        task = self.task
        if task == "auto":
            few = pa.types.is_integer(kind) and pc.count_distinct(column).as_py() <= MOST_INTEGER_CLASSES
            task = "classification" if few or not numeric else "regression"
        if task == "regression":
            if not numeric:
                self.refuse_text(self.target, column, unit)
                raise ValueError(f"{self.path}: the target {self.target!r} is {kind}, not a number: use task=classification")
            return column.to_numpy().astype(np.float64)[:, None], None
        self.refuse_text(self.target, column, unit)
        classes, labels = np.unique(np.asarray(column.to_pylist()), return_inverse=True)
        return labels.astype(np.int64), tuple(map(str, classes))

    def encoding(self, name: str, column: pa.ChunkedArray, rows: int | None = None) -> Encoding:
        """How a column of features becomes numbers; given its different values only, also in how many `rows` they were."""
        if name not in self.categorical and (is_number(column.type) or pa.types.is_boolean(column.type)):
            return Encoding(name, "bool" if pa.types.is_boolean(column.type) else NUMBER)
        if name not in self.categorical:
            if not is_text(column.type):
                raise ValueError(
                    f"{self.path}: column {name!r} is {_described(column.type)}, neither number nor text: convert it or "
                    "name it in exclude"
                )
            self.refuse_text(name, column, "row" if rows is None else "different value")
            if (distinct := pc.count_distinct(column).as_py()) > MOST_CATEGORIES:
                raise ValueError(
                    f"{self.path}: column {name!r} has {distinct} different texts in {rows or len(column)} rows: name it in "
                    "exclude if it identifies rows, in categorical if it really is a category"
                )
        if pa.types.is_nested(column.type):
            raise ValueError(
                f"{self.path}: column {name!r} is {column.type}, which is no category: convert it or name it in exclude"
            )
        categories = tuple(map(str, sorted(pc.unique(column).to_pylist())))
        if len(categories) == 1:
            raise ValueError(f"{self.path}: column {name!r} is constant (always {categories[0]!r}): name it in exclude")
        return Encoding(name, str(column.type), categories)

    def refuse_text(self, name: str, column: pa.ChunkedArray, unit: str = "row") -> None:
        """Refuse a column of text in which cells are numbers: a slip in a column of numbers, most likely."""
        if name in self.categorical or not is_text(column.type):
            return
        values = column.to_pylist()
        if all(_reads_as_number(value.replace(",", ".", 1)) for value in values) and any("," in value for value in values):
            raise ValueError(
                f"{self.path}: column {name!r} holds numbers with a decimal comma (first {values[0]!r}): write them with a "
                "point, or name the column in categorical"
            )
        texts = [(row, value) for row, value in enumerate(values, 1) if not _reads_as_number(value)]
        if not texts:
            raise ValueError(
                f"{self.path}: column {name!r} holds numbers written as text: convert them, or name the column in categorical"
            )
        if len(texts) < len(values):
            row, value = texts[0]
            raise ValueError(
                f"{self.path}: column {name!r} holds numbers, but text in {len(texts)} of {len(values)} {unit}s (first "
                f"{value!r}, {unit} {row}): correct those cells, or name the column in categorical"
            )


def is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)


def is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _described(kind: pa.DataType) -> str:
    return "binary (in a CSV file: text that is not UTF-8)" if pa.types.is_binary(kind) else str(kind)


def count_missing(column: pa.ChunkedArray) -> int:
    """Cells that are empty, not a number or infinite."""
    if not pa.types.is_floating(column.type):
        return column.null_count
    return len(column) - (pc.sum(pc.is_finite(column)).as_py() or 0)


def _reads_as_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True
