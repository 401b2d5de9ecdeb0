"""Cells and targets in mapped files, the rows of each part one after another."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datamodules.mapped.given_back import GivenBack
from datamodules.mapped.reserved_file import reserve
from datamodules.mapped.usable_pieces import labels_of
from datamodules.tables.split_table import PARTS

CELLS, TARGETS = "cells.npy", "targets.npy"


class WrittenColumn:
    """The cells of a column (n,), of which some rows at a time are read, and their pages given back."""

    def __init__(self, cells: NDArray[np.float64], pages: GivenBack) -> None:
        self._cells, self._pages = cells, pages

    def __len__(self) -> int:
        return len(self._cells)

    def __getitem__(self, rows: slice) -> NDArray[np.float64]:
        some = np.array(self._cells[rows])
        self._pages.touched(some.nbytes)
        return some


class DividedCells:
    """Files that rows are put into as they go by.

    Args:
        folder: of the files.
        columns: how many cells a row has, c.
        sizes: rows of each part (3,), n in all.
        class_names: C names; None for real targets.

    Attributes:
        cells: (c, n), one column after another.
        targets: class labels (n,), or real targets (n, 1).
        counts: rows of each part and class so far (3, C).

    Raises:
        OSError: the disk is too small.
    """

    def __init__(self, folder: Path, columns: int, sizes: NDArray[np.int64], class_names: tuple[str, ...] | None) -> None:
        n, self._names = int(sizes.sum()), class_names
        self.cells = reserve(folder / CELLS, (columns, n), np.float64)
        is_real = class_names is None
        self.targets = reserve(folder / TARGETS, (n, 1) if is_real else (n,), np.float64 if is_real else np.int64)
        self.counts = np.zeros((len(PARTS), len(class_names or "1")), np.int64)
        self._starts = np.cumsum(sizes) - sizes
        self._sizes = sizes
        self._pages = GivenBack(self.cells, self.targets)

    def put(self, cells: NDArray[np.float64], targets: NDArray[np.float64], parts: NDArray[np.int64]) -> None:
        """The next rows, each behind those of its part: (c, m), (m,), (m,).

        Raises:
            ValueError: more rows than there should be.
        """
        labels = labels_of(targets, self._names)
        values = targets[:, None] if self._names is None else labels
        for part in range(len(PARTS)):
            rows = np.flatnonzero(parts == part)
            start = int(self._starts[part] + self.counts[part].sum())
            self.counts[part] += np.bincount(labels[rows], minlength=self.counts.shape[1])
            if self.counts[part].sum() > self._sizes[part]:
                raise ValueError("there are more rows than were counted")
            self.cells[:, start : start + len(rows)] = cells[:, rows]
            self.targets[start : start + len(rows)] = values[rows]
        self._pages.touched(cells.nbytes + targets.nbytes)

    def columns(self) -> "list[WrittenColumn]":
        """The cells of each column (n,)."""
        return [WrittenColumn(column, self._pages) for column in self.cells]

    def check_full(self) -> None:
        """Refuse parts that are not full.

        Raises:
            ValueError: fewer rows than there should be.
        """
        if (self.counts.sum(1) < self._sizes).any():
            raise ValueError("there are fewer rows than were counted")
