"""Rows that can be used: those that count, with a target and, where they are to be dropped, without missing values."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datamodules.columns import Column
from datamodules.columns.given import WANTED, WEIGHTS, bad_cell
from datamodules.columns.report import Report, Topic
from datamodules.columns.rules import ColumnRules
from datamodules.columns.scan import Scan
from datamodules.files import TableFile
from datamodules.messages import counted


@dataclass(frozen=True)
class UsableRows:
    """Some rows, m of which can be used.

    Attributes:
        are_usable: of all that went by.
        cells: of the columns of features (c, m).
        targets: (m,).
        weights: > 0 (m,); None without a column of weights.
        offset: with the logarithm of the exposure (m,); None without either.
        clusters: the number of the cluster of each (m,); None without a column of them.
    """

    are_usable: NDArray[np.bool_]
    cells: NDArray[np.float64]
    targets: NDArray[np.float64]
    weights: NDArray[np.float64] | None
    offset: NDArray[np.float64] | None
    clusters: NDArray[np.int64] | None = None


class RowFilter:
    """Takes the rows of a file as they go by, and counts those it leaves out.

    Args:
        file: the file.
        found: its columns and target.
        rules: what may be done to it.
        of_features: whether the columns of features are looked at.
    """

    def __init__(self, file: TableFile, found: Scan, rules: ColumnRules, of_features: bool = True) -> None:
        self._path, self._rules, self._names = file.path, rules, found.target.class_names
        self._features: tuple[Column, ...] = found.columns if of_features else ()
        self._given, self._target = found.given, found.target.column
        self._used = np.array([column.name not in found.empty for column in self._features], bool)
        self._rows = self._kept = 0
        self.without_target = self.with_missing = self.without_weight = 0

    @property
    def columns(self) -> tuple[Column, ...]:
        """Those to read, in their order: of features, those that are given besides, and the target."""
        return *self._features, *self._given.columns, self._target

    def __call__(self, cells: NDArray[np.float64]) -> UsableRows:
        """Which of the next rows can be used: cells of the `columns` (c, m).

        Raises:
            ValueError: a class that the training file does not have; a weight, offset or exposure that is none.
        """
        features, target = cells[: len(self._features)], cells[-1]
        given = dict(zip(self._given.by_option, cells[len(self._features) : -1], strict=True))
        if self._names is not None and (unknown := np.flatnonzero(target < 0)).size:
            raise ValueError(
                f"{self._path}: row {self._rows + unknown[0] + 1} is of a class that {self._rules.path} does not have: correct "
                "it, or leave out that row"
            )
        if np.isinf(target).any():
            row = int(np.flatnonzero(np.isinf(target))[0])
            raise ValueError(f"{self._path}: the target in row {self._rows + row + 1} is infinite: correct it")
        counts = given[WEIGHTS] != 0 if WEIGHTS in given else np.ones(len(target), bool)
        usable = counts & ~np.isnan(target)
        self.without_weight += int((~counts).sum())
        self.without_target += int((counts & np.isnan(target)).sum())
        if self._rules.missing == "drop":
            is_whole = ~(np.isnan(features[self._used]).any(0) | np.isnan(cells[len(features) : -1]).any(0))
            self.with_missing += int((usable & ~is_whole).sum())
            usable &= is_whole
        for option, values in given.items():
            self._refuse_bad(option, np.where(usable, values, 1.0))
        self._rows += cells.shape[1]
        self._kept += int(usable.sum())
        given = {option: values[usable] for option, values in given.items()}
        weights = given.pop(WEIGHTS, None)
        offset = self._given.offset_of(given.values()) if self._given.has_offset else None
        some = (features, target) if usable.all() else (features[:, usable], target[usable])
        return UsableRows(usable, *some, weights, offset)

    def _refuse_bad(self, option: str, cells: NDArray[np.float64]) -> None:
        name = f"column {self._rules.given[option]!r} ({option})"
        if (row := bad_cell(option, cells)) is not None:
            raise ValueError(
                f"{self._path}: {name} is {cells[row]:g} in row {self._rows + row + 1}, and every row needs {WANTED[option]}: "
                "correct it, or leave out that row"
            )
        if np.isnan(cells).any():
            row = int(np.isnan(cells).argmax())
            raise ValueError(
                f"{self._path}: {name} is missing in row {self._rows + row + 1}, and every row needs {WANTED[option]}: fill it "
                "in, or leave out such rows by missing=drop"
            )

    def tell(self, report: Report) -> None:
        """Say how many rows were left out.

        Raises:
            ValueError: all of them were; some were, and the rules refuse that.
        """
        if not self._kept:
            counts = " and a weight above 0" if self._given.weights is not None else ""
            raise ValueError(
                f"{self._path}: none of its {counted(self._rows)} has a target{counts} and no missing value: use "
                "missing=impute, or exclude columns"
            )
        if self._path != self._rules.path:  # a test file: the scan has counted the rows of the other one
            report.rows["read"] = report.rows.get("read", 0) + self._rows
        for count, what in ((self.without_target, "without a target"), (self.with_missing, "with missing values")):
            if count:
                report.add(Topic.NO_TARGET, f"{count} {what}")
                report.rows[what] = report.rows.get(what, 0) + count
        if self.without_weight:
            report.add(Topic.NO_WEIGHT, f"{self.without_weight}" + f" of {self._path.name}" * (self._path != self._rules.path))
            report.rows["of weight 0"] = report.rows.get("of weight 0", 0) + self.without_weight
        report.check()
