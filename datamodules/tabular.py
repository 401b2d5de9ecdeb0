"""Anybody's own table."""

from functools import cached_property
from pathlib import Path
from typing import cast, get_args

import numpy as np

from datamodules.mapped.mapped_table import MappedTable
from datamodules.mapped.table_copy import SplitOptions
from datamodules.serving.option_types import PATH, TEXT, check_names, check_type
from datamodules.tables.column_rules import ColumnRules, Task, count_missing
from datamodules.tables.split_table import SplitTable
from datamodules.tables.table import Table
from datamodules.tables.table_data_module import TableDataModule
from datamodules.tables.table_file import read_columns


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
        folds, fold: as in `TableDataModule`.
        memory_map: folder for a binary copy of the table, made once and read from there as rows are needed; null = all rows
            in memory. A table may then be larger than memory. The parts are drawn with the same shares, but are other rows
            than in memory, and there are no folds.

    Raises:
        ValueError: an unknown task, a delimiter of several characters, the target among the excluded columns, folds of a
            memory-mapped table.
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
        folds: int | None = None,
        fold: int = 0,
        memory_map: str | None = None,
    ) -> None:
        super().__init__(data_dir, batch_size, val_fraction, test_fraction, seed, standardize, folds, fold)
        check_type("path", path, PATH, "the path of a file")
        check_type("target", target, TEXT, "the name of a column")
        check_names("categorical", categorical)
        check_names("exclude", exclude)
        if task not in get_args(Task):
            raise ValueError(f"task={task!r}: choose among {', '.join(get_args(Task))}")
        if len(delimiter) != 1:
            raise ValueError(f"delimiter={delimiter!r}: cells are separated by one character, such as ',' or ';'")
        if target in (exclude or ()):
            raise ValueError(f"exclude={exclude}: the target {target!r} cannot be left out; remove it from exclude")
        check_type("memory_map", memory_map, PATH, "the path of a folder, or None", optional=True)
        if memory_map is not None and folds is not None:
            raise ValueError(f"memory_map={memory_map!r} with folds={folds}: the rows are not at hand; use test_fraction")
        self.delimiter, self.memory_map = delimiter, memory_map
        file = Path(data_dir or ".") / path
        self.rules = ColumnRules(file, target, tuple(categorical or ()), tuple(exclude or ()), task)

    @cached_property
    def split_table(self) -> SplitTable:
        """The table in memory, or the one in the files below `memory_map`; nothing else depends on where it is."""
        if self.memory_map is None:
            return super().split_table
        options = SplitOptions(self.val_fraction, cast(float, self.test_fraction), self.seed, self.standardize)
        return MappedTable.open_or_make(Path(self.memory_map), self.rules, self.delimiter, options)

    def load(self) -> Table:
        columns = read_columns(self.rules.path, self.delimiter)
        features = self.rules.features(columns.column_names)
        self.rules.refuse_empty(columns.num_rows)
        self.rules.refuse_missing({name: count_missing(columns[name]) for name in columns.column_names})
        targets, class_names = self.rules.targets(columns[self.rules.target])
        encodings = tuple(self.rules.encoding(name, columns[name]) for name in features)
        return Table(
            np.concatenate([encoding.block(columns[encoding.column]) for encoding in encodings], 1),
            targets,
            tuple(name for encoding in encodings for name in encoding.names),
            class_names,
            encodings,
        )
