"""All that a user says about a table, checked without a look at the file."""

from pathlib import Path
from typing import Literal, get_args

from datamodules.columns.rules import Dates, Missing, Task, column_rules
from datamodules.files.table_file import TableFile
from datamodules.messages.option_types import PATH, check_choice, check_type
from datamodules.messages.split_options import ClassWeight, check_class_weight, check_fold, check_split_options

SplitBy = Literal["random", "last"]


def separator(delimiter: str | None) -> str | None:
    """What is between the cells; a tab may be written as on a command line."""
    return "\t" if delimiter == "\\t" else delimiter


class TableOptions:
    """The options of `TabularDataModule`, explained there: the same names, types and defaults, without torch.

    Attributes:
        file: the file with the rows.
        rules: what may be done to its columns.
        test_file: rows for the test, if they are in a file of their own.
        is_mapped: whether the rows stay on disk.

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
        check_split_options(data_dir, batch_size, val_fraction, test_fraction, seed)
        check_class_weight(class_weight)
        if folds is not None:
            check_fold(fold, folds)
        check_type("path", path, PATH, "the path of a file")
        check_type("test_path", test_path, PATH, "the path of a file, or None", optional=True)
        check_type("memory_map", memory_map, PATH, "the path of a folder, or None", optional=True)
        check_choice("split_by", split_by, get_args(SplitBy))
        folder = Path(data_dir or ".")
        self.rules = column_rules(
            path=folder / path, target=target, categorical=categorical, exclude=exclude, task=task, missing=missing,
            missing_codes=missing_codes, not_missing=not_missing, decimal=decimal, dates=dates, rare_levels=rare_levels,
            max_levels=max_levels, strict=strict, groups=groups, weights=weights,
            offset=offset, exposure=exposure, clusters=clusters,
        )  # fmt: skip
        form = (separator(delimiter), encoding, header, target, weights)
        self.file = TableFile(self.rules.path, *form)
        self.test_file = None if test_path is None else TableFile(folder / test_path, *form)
        self.is_mapped = memory_map is not None
        self._refuse_together(folds is not None, memory_map, split_by)

    def _refuse_together(self, folds: bool, memory_map: str | None, split_by: SplitBy) -> None:
        """Refuse options that exclude each other."""
        groups = self.rules.groups
        if folds and self.is_mapped:
            raise ValueError(f"memory_map={memory_map!r} with folds: the rows are not at hand; use test_fraction")
        if groups is not None and (folds or self.is_mapped or split_by == "last"):
            other = "folds" if folds else "memory_map" if self.is_mapped else "split_by='last'"
            raise ValueError(f"groups={groups!r} with {other}: rows are divided in one way only; leave one of them out")
        if split_by == "last" and folds:
            raise ValueError("split_by='last' with folds: rows are divided in one way only; leave one of them out")
        if self.test_file is not None and folds:
            raise ValueError("test_path with folds: the test rows are in a file of their own; leave one of them out")
