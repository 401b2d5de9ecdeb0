"""Anybody's own table."""

from functools import cached_property
from pathlib import Path
from typing import Any, Literal, cast

from datamodules.columns.report import Report
from datamodules.columns.rules import Dates, Missing, Task
from datamodules.files.table_options import SplitBy, TableOptions
from datamodules.mapped.division import SplitOptions
from datamodules.mapped.mapped_table import MappedTable
from datamodules.messages.split_options import ClassWeight
from datamodules.serving.class_notes import with_class_notes
from datamodules.serving.divided_rows import DividedRows
from datamodules.serving.split import split_rows
from datamodules.serving.split_by_groups import split_by_groups
from datamodules.serving.split_last import split_last
from datamodules.tables.file_table import FileTable, Targets
from datamodules.tables.table import Table
from datamodules.tables.table_data_module import TableDataModule


class TabularDataModule(TableDataModule):
    """A text file of cells, or a Parquet file: one row an example, one column the target, the others features.

    Numbers are used as they are, texts and the columns named in `categorical` as categories, dates as day, year, month and
    weekday. What a table needs besides is done by the training rows and said (`report`): row numbers and constant columns
    are left out; missing numbers become the median and are marked by a feature of their own, missing texts are a category;
    categories with few rows are pooled into one, and the most frequent one is the reference. `strict` refuses all of it.

    Args:
        path: the file: .csv, .tsv, .txt, .dat, also compressed (.gz, .bz2, .zst), or .parquet; relative to `data_dir` if that
            is given.
        target: column to predict.
        categorical: numeric columns that are really categories.
        exclude: columns to leave out.
        task: "classification", "regression", or "auto": texts, true/false and integers with at most 20 different values are
            classes, other numbers are not. On the command line the model says it.
        delimiter: what separates the cells of a text file; null = found out.
        encoding: of a text file; null = UTF-8 or UTF-16 if it is one, else Windows' Latin-1 (cp1252).
        header: whether the first line of a text file names the columns; null = found out. Without names they are called
            "column 1", "column 2", ….
        missing: "impute", "drop" the rows with a missing value, or "refuse".
        missing_codes: texts or numbers that stand for missing values, besides the usual ones (NA, ?, -, …).
        not_missing: texts among these that are categories all the same.
        decimal: "." or ",", what stands before the fraction of numbers; null = found out.
        dates: "day_first" or "month_first" where 1/2/2020 could be both, "text" for no dates at all, or "auto": the day is
            first with points and dashes, the month with slashes.
        rare_levels: categories with fewer training rows are pooled, but for a single one; null = 5, or in tables of less
            than 50 such rows a tenth of them.
        max_levels: the most categories of a column; others are pooled.
        strict: whether whatever would have to be done to the table is refused.
        test_path: file with the rows for the test, with the same columns; null = test_fraction of the rows of `path`.
        groups: column whose rows with the same value stay together in one part; it is no feature.
        weights: column that says how many times a row counts, in the loss, in what is learnt from the table and in the
            metrics: a number ≥ 0, of which 2 is two equal rows and 0 none. It is no feature.
        offset: column that is added to the linear predictor, for models that take an offset; it is no feature.
        exposure: column of numbers > 0 whose logarithm is the offset, or is added to it; it is no feature.
        clusters: column of which rows with the same value may depend on each other, for standard errors that allow for it; it
            is no feature.
        class_weight: as in `TableDataModule`.
        split_by: "random", or "last": the last rows are the test, those before them validation, as in time.
        data_dir: folder of the file; null = the current folder.
        batch_size: rows of one step, over all processes together; null = full batch.
        val_fraction: share of all rows for validation, in [0, 1); 0 = no validation.
        test_fraction: share of all rows for the test, in [0, 1); 0 = no test.
        seed: of the split and of the order of mini-batches.
        standardize: whether to scale the features.
        folds, fold: as in `TableDataModule`.
        memory_map: folder for a binary copy of the table, made once and read from there as rows are needed; null = all rows
            in memory. A table may then be larger than memory. The parts are drawn with the same shares, but are other rows
            than in memory, and there are neither folds nor groups.

    Raises:
        ValueError: an option of a wrong type or out of its range, or two that exclude each other.
    """

    def __init__(
        self,
        path: str,
        target: str,
        categorical: list[str] | None = None,
        exclude: list[str] | None = None,
        task: Task = "auto",
        delimiter: str | None = None,
        encoding: str | None = None,
        header: bool | None = None,
        missing: Missing = "impute",
        missing_codes: list[str | int | float] | None = None,
        not_missing: list[str] | None = None,
        decimal: Literal[".", ","] | None = None,
        dates: Dates = "auto",
        rare_levels: int | None = None,
        max_levels: int = 100,
        strict: bool = False,
        test_path: str | None = None,
        groups: str | None = None,
        weights: str | None = None,
        offset: str | None = None,
        exposure: str | None = None,
        clusters: str | None = None,
        class_weight: ClassWeight | None = None,
        split_by: SplitBy = "random",
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
        super().__init__(data_dir, batch_size, val_fraction, test_fraction, seed, standardize, folds, fold, class_weight)
        options = TableOptions(
            path, target, categorical, exclude, task, delimiter, encoding, header, missing, missing_codes, not_missing, decimal,
            dates, rare_levels, max_levels, strict, test_path, groups, weights, offset, exposure, clusters, class_weight,
            split_by, data_dir, batch_size, val_fraction, test_fraction, seed, standardize, folds, fold, memory_map,
        )  # fmt: skip
        self.file, self.rules, self.test_file = options.file, options.rules, options.test_file
        self.memory_map, self.split_by = memory_map, split_by

    @property
    def report(self) -> Report:
        """What was done to the table."""
        self.split_table.splits()
        return self.split_table.report

    @cached_property
    def split_table(self) -> FileTable | MappedTable:
        """The table in memory, or the one in the files below `memory_map`; nothing else depends on where it is."""
        if self.memory_map is None:
            return FileTable(self.file, self.rules, self._divide_targets, self.standardize, self.test_file)
        fraction = 0.0 if self.test_file is not None else cast(float, self.test_fraction)
        options = SplitOptions(self.val_fraction, fraction, self.seed, self.standardize, self.split_by)
        return MappedTable.open_or_make(Path(self.memory_map), self.file, self.rules, options, self.test_file)

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "report": self.report.plain()}

    def _divide_targets(self, data: Targets) -> DividedRows:
        """Row numbers of the parts, with notes on classes that are not in all of them."""
        fraction = None if self.test_file is not None else self.test_fraction
        if self.fold is not None:
            return self.fold.rows(data, self.val_fraction, self.seed, self.rules.strict)
        if data.groups is not None:
            return with_class_notes(data, split_by_groups(data.groups, self.val_fraction, fraction, self.seed))
        if self.split_by == "last":
            return with_class_notes(data, split_last(len(data.targets), self.val_fraction, fraction))
        return split_rows(data, self.val_fraction, fraction, self.seed, strict=self.rules.strict)

    def load(self) -> Table:
        return self.split_table.table
