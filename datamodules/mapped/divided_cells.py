"""Cells and targets in mapped files, the rows of each part one after another."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datamodules.columns.given import NOTHING_GIVEN, Given
from datamodules.mapped.given_back import GivenBack
from datamodules.mapped.reserved_file import reserve
from datamodules.mapped.usable_pieces import labels_of
from datamodules.tables.split_table import PARTS
from datamodules.tables.usable_rows import UsableRows

CELLS, TARGETS, WEIGHTS, OFFSET = "cells.npy", "targets.npy", "weights.npy", "offset.npy"
CLUSTERS = "clusters.npy"


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
        given: what there is besides features and targets.
        has_clusters: whether rows are of clusters.

    Attributes:
        cells: (c, n), one column after another.
        targets: class labels (n,), or real targets (n, 1).
        weights: (n,); None without a column of them.
        offset: (n,); None without one.
        clusters: the number of each row's (n,), −1 of rows of a test file; None without them.
        are_weighted: whether some row so far counts more or less than once.
        counts: rows of each part and class so far (3, C).

    Raises:
        OSError: the disk is too small.
    """

    def __init__(
        self,
        folder: Path,
        columns: int,
        sizes: NDArray[np.int64],
        class_names: tuple[str, ...] | None,
        given: Given = NOTHING_GIVEN,
        has_clusters: bool = False,
    ) -> None:
        n, self._names = int(sizes.sum()), class_names
        self.cells = reserve(folder / CELLS, (columns, n), np.float64)
        is_real = class_names is None
        self.targets = reserve(folder / TARGETS, (n, 1) if is_real else (n,), np.float64 if is_real else np.int64)
        self.weights = reserve(folder / WEIGHTS, (n,), np.float64) if given.weights is not None else None
        self.offset = reserve(folder / OFFSET, (n,), np.float64) if given.has_offset else None
        self.clusters = reserve(folder / CLUSTERS, (n,), np.int64) if has_clusters else None
        self.are_weighted = False
        self.counts = np.zeros((len(PARTS), len(class_names or "1")), np.int64)
        self._starts = np.cumsum(sizes) - sizes
        self._sizes = sizes
        self._pages = GivenBack(self.cells, self.targets, self.weights, self.offset, self.clusters)

    def put(self, some: UsableRows, parts: NDArray[np.int64]) -> None:
        """The next rows, each behind those of its part (m,).

        Raises:
            ValueError: more rows than there should be.
        """
        labels = labels_of(some.targets, self._names)
        values = some.targets[:, None] if self._names is None else labels
        for part in range(len(PARTS)):
            rows = np.flatnonzero(parts == part)
            start = int(self._starts[part] + self.counts[part].sum())
            self.counts[part] += np.bincount(labels[rows], minlength=self.counts.shape[1])
            if self.counts[part].sum() > self._sizes[part]:
                raise ValueError("there are more rows than were counted")
            there = slice(start, start + len(rows))
            self.cells[:, there] = some.cells[:, rows]
            self.targets[there] = values[rows]
            for written, given in ((self.weights, some.weights), (self.offset, some.offset)):
                if written is not None and given is not None:
                    written[there] = given[rows]
            if self.clusters is not None:
                self.clusters[there] = -1 if some.clusters is None else some.clusters[rows]
        self.are_weighted = self.are_weighted or (some.weights is not None and bool((some.weights != 1).any()))
        self._pages.touched(some.cells.nbytes + 3 * some.targets.nbytes)

    def weights_of_rows(self) -> "WrittenColumn | None":
        """How many times each row counts (n,); None = once."""
        return None if self.weights is None or not self.are_weighted else WrittenColumn(self.weights, self._pages)

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
