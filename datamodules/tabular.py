"""Anybody's own table."""

from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from datamodules.table import Table, listed
from datamodules.table_data_module import TableDataModule

MOST_CATEGORIES = 100
MOST_INTEGER_CLASSES = 20

Task = Literal["auto", "classification", "regression"]


class TabularDataModule(TableDataModule):
    """A CSV (with a header) or Parquet file: one row an example, one column the target, the others features.

    Numbers are used as they are. Texts and the columns named in `categorical` become indicator columns, one for each
    category but the first, which is the reference. Nothing is guessed about a damaged column: missing values, or text
    among numbers, are refused with their place.

    Args:
        path: the file, ending in .csv or .parquet; relative to `data_dir` if that is given.
        target: column to predict.
        categorical: numeric columns that are really categories.
        exclude: columns to leave out (identifiers, say).
        task: "classification", "regression", or "auto": text, true/false and integers with at most 20 different values are
            classes, other numbers are not.
        delimiter: what separates the cells of a CSV file.
        data_dir: folder of the file; null = the current folder.
        batch_size: rows of one step, over all processes together; null = full batch.
        val_fraction: share of all rows for validation, in [0, 1); 0 = no validation.
        test_fraction: share of all rows for the test, in (0, 1).
        seed: of the split and of the order of mini-batches.
        standardize: whether to scale the features.

    Raises:
        ValueError: an unknown task, a delimiter of several characters, the target among the excluded columns.
    """

    def __init__(
        self,
        path: str,
        target: str,
        categorical: list[str] | None = None,
        exclude: list[str] | None = None,
        task: Task = "auto",
        delimiter: str = ",",
        data_dir: str | None = None,
        batch_size: int | None = None,
        val_fraction: float = 0.2,
        test_fraction: float = 0.2,
        seed: int = 0,
        standardize: bool = True,
    ) -> None:
        super().__init__(data_dir, batch_size, val_fraction, test_fraction, seed, standardize)
        if task not in get_args(Task):
            raise ValueError(f"task={task!r}: choose among {', '.join(get_args(Task))}")
        if len(delimiter) != 1:
            raise ValueError(f"delimiter={delimiter!r}: cells are separated by one character, such as ',' or ';'")
        if target in (exclude or ()):
            raise ValueError(f"exclude={exclude}: the target {target!r} cannot be left out; remove it from exclude")
        self.path = Path(data_dir or ".") / path
        self.target, self.task, self.delimiter = target, task, delimiter
        self.categorical, self.exclude = tuple(categorical or ()), tuple(exclude or ())

    def load(self) -> Table:
        columns = _read(self.path, self.delimiter)
        names = columns.column_names
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
        if not columns.num_rows:
            raise ValueError(f"{self.path} has no rows: nothing can be fitted; check the file")
        self._refuse_missing(columns)
        targets, class_names = self._targets(columns[self.target])
        features = [name for name in names if name != self.target and name not in self.exclude]
        if not features:
            raise ValueError(
                f"{self.path} has no column left besides the target {self.target!r}: there is nothing to predict it from"
            )
        blocks = [self._features(name, columns[name]) for name in features]
        return Table(
            np.concatenate([block for block, _ in blocks], 1),
            targets,
            tuple(name for _, block in blocks for name in block),
            class_names,
        )

    def _refuse_missing(self, columns: pa.Table) -> None:
        counts = {name: _count_missing(columns[name]) for name in columns.column_names if name not in self.exclude}
        counts = {name: count for name, count in counts.items() if count}
        if counts:
            raise ValueError(
                f"{self.path}: {sum(counts.values())} values are missing or infinite, in columns "
                f"{listed(f'{name!r} ({count})' for name, count in counts.items())}: fill them in, drop those rows, or "
                "name the columns in exclude"
            )

    def _targets(self, column: pa.ChunkedArray) -> tuple[NDArray[np.int64] | NDArray[np.float64], tuple[str, ...] | None]:
        kind = column.type
        is_number = _is_number(kind)
        if not (is_number or pa.types.is_boolean(kind) or _is_text(kind)):
            raise ValueError(
                f"{self.path}: the target {self.target!r} is {_described(kind)}, neither number nor text: convert it, or "
                "choose another target"
            )
        task = self.task
        if task == "auto":
            few = pa.types.is_integer(kind) and pc.count_distinct(column).as_py() <= MOST_INTEGER_CLASSES
            task = "classification" if few or not is_number else "regression"
        if task == "regression":
            if not is_number:
                self._refuse_text(self.target, column)
                raise ValueError(f"{self.path}: the target {self.target!r} is {kind}, not a number: use task=classification")
            return column.to_numpy().astype(np.float64)[:, None], None
        self._refuse_text(self.target, column)
        classes, labels = np.unique(np.asarray(column.to_pylist()), return_inverse=True)
        return labels.astype(np.int64), tuple(map(str, classes))

    def _features(self, name: str, column: pa.ChunkedArray) -> tuple[NDArray[np.float64], list[str]]:
        """A block (n, k) of numbers and the names of its columns."""
        if name not in self.categorical and (_is_number(column.type) or pa.types.is_boolean(column.type)):
            return column.to_numpy().astype(np.float64)[:, None], [name]
        if name not in self.categorical:
            if not _is_text(column.type):
                raise ValueError(
                    f"{self.path}: column {name!r} is {_described(column.type)}, neither number nor text: convert it or "
                    "name it in exclude"
                )
            self._refuse_text(name, column)
            if (distinct := pc.count_distinct(column).as_py()) > MOST_CATEGORIES:
                raise ValueError(
                    f"{self.path}: column {name!r} has {distinct} different texts in {len(column)} rows: name it in "
                    "exclude if it identifies rows, in categorical if it really is a category"
                )
        if pa.types.is_nested(column.type):
            raise ValueError(
                f"{self.path}: column {name!r} is {column.type}, which is no category: convert it or name it in exclude"
            )
        values = np.asarray(column.to_pylist())
        categories = np.unique(values)
        if len(categories) == 1:
            raise ValueError(f"{self.path}: column {name!r} is constant (always {str(categories[0])!r}): name it in exclude")
        return (values[:, None] == categories[1:]).astype(np.float64), [f"{name}={category}" for category in categories[1:]]

    def _refuse_text(self, name: str, column: pa.ChunkedArray) -> None:
        """Refuse a column of text in which cells are numbers: a slip in a column of numbers, most likely."""
        if name in self.categorical or not _is_text(column.type):
            return
        values = column.to_pylist()
        texts = [(row, value) for row, value in enumerate(values, 1) if not _reads_as_number(value)]
        if not texts:
            raise ValueError(
                f"{self.path}: column {name!r} holds numbers written as text: convert them, or name the column in categorical"
            )
        if len(texts) < len(values):
            row, value = texts[0]
            raise ValueError(
                f"{self.path}: column {name!r} holds numbers, but text in {len(texts)} of {len(values)} rows (first "
                f"{value!r}, row {row}): correct those cells, or name the column in categorical"
            )


def _read(path: Path, delimiter: str) -> pa.Table:
    if path.is_dir() or not path.exists():
        raise FileNotFoundError(f"there is no file {path}: check --data.path" + (" (it is a folder)" if path.is_dir() else ""))
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".parquet"):
        raise ValueError(f"{path}: only .csv and .parquet files can be read, not {suffix or 'files without an ending'}")
    try:
        if suffix == ".parquet":
            # Not read_table: it cannot read a column whose name occurs twice, so the fault could not be told.
            with pyarrow.parquet.ParquetFile(path) as file:
                table = _plain(file.read())
        else:
            table = pyarrow.csv.read_csv(
                path,
                parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter),
                convert_options=pyarrow.csv.ConvertOptions(strings_can_be_null=True),
            )
        table.column_names  # noqa: B018 – decodes the header, which can fail
        return table
    except PermissionError as error:
        raise PermissionError(f"{path} cannot be opened: you have no permission to read it") from error
    except (pa.ArrowException, OSError, ValueError) as error:
        first_line = str(error).splitlines()[0]
        remedy = "check the file and --data.delimiter" if suffix == ".csv" else "check the file, or write it anew"
        raise ValueError(f"{path} cannot be read as {suffix[1:]}: {first_line}; {remedy}") from error


def _plain(table: pa.Table) -> pa.Table:
    """Dictionary-encoded columns (pandas' categories) as the values they stand for."""
    for j, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(j, field.name, table.column(j).cast(field.type.value_type))
    return table


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _described(kind: pa.DataType) -> str:
    return "binary (in a CSV file: text that is not UTF-8)" if pa.types.is_binary(kind) else str(kind)


def _count_missing(column: pa.ChunkedArray) -> int:
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
