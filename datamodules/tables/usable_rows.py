"""Rows that can be used: those with a target and, where they are to be dropped, without missing values."""

import numpy as np
from numpy.typing import NDArray

from datamodules.columns.report import Report, Topic
from datamodules.columns.rules import ColumnRules
from datamodules.columns.scan import Scan
from datamodules.files import TableFile
from datamodules.messages import counted


class RowFilter:
    """Takes the rows of a file as they go by, and counts those it leaves out.

    Args:
        file: the file.
        found: its columns and target.
        rules: what may be done to it.
    """

    def __init__(self, file: TableFile, found: Scan, rules: ColumnRules) -> None:
        self._path, self._rules, self._names = file.path, rules, found.target.class_names
        self._used = np.array([column.name not in found.empty for column in found.columns], bool)
        self._rows = self._kept = 0
        self.without_target = self.with_missing = 0

    def __call__(self, cells: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which of the next rows can be used: cells (c + 1, m), the target being the last -> (m,).

        Raises:
            ValueError: a class that the training file does not have.
        """
        if self._names is not None and (unknown := np.flatnonzero(cells[-1] < 0)).size:
            raise ValueError(
                f"{self._path}: row {self._rows + unknown[0] + 1} is of a class that {self._rules.path} does not have: correct "
                "it, or leave out that row"
            )
        if np.isinf(cells[-1]).any():
            row = int(np.flatnonzero(np.isinf(cells[-1]))[0])
            raise ValueError(f"{self._path}: the target in row {self._rows + row + 1} is infinite: correct it")
        usable = ~np.isnan(cells[-1])
        self.without_target += int((~usable).sum())
        if self._rules.missing == "drop":
            is_whole = ~np.isnan(cells[:-1][self._used]).any(0)
            self.with_missing += int((usable & ~is_whole).sum())
            usable &= is_whole
        self._rows += cells.shape[1]
        self._kept += int(usable.sum())
        return usable

    def tell(self, report: Report) -> None:
        """Say how many rows were left out.

        Raises:
            ValueError: all of them were; some were, and the rules refuse that.
        """
        if not self._kept:
            raise ValueError(
                f"{self._path}: none of its {counted(self._rows)} has a target and no missing value: use missing=impute, or "
                "exclude columns"
            )
        if self._path != self._rules.path:  # a test file: the scan has counted the rows of the other one
            report.rows["read"] = report.rows.get("read", 0) + self._rows
        for count, what in ((self.without_target, "without a target"), (self.with_missing, "with missing values")):
            if count:
                report.add(Topic.NO_TARGET, f"{count} {what}")
                report.rows[what] = report.rows.get(what, 0) + count
        report.check()
