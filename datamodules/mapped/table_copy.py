"""Writes a table, divided, encoded and scaled, into files to be memory-mapped."""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from datamodules.columns import Encoder
from datamodules.columns.learning import Learner, describe, pruned
from datamodules.columns.report import Report, Topic
from datamodules.columns.rules import ColumnRules
from datamodules.columns.scan import Scan
from datamodules.files import TableFile
from datamodules.files.progress_bar import with_progress_bar
from datamodules.files.scan_file import scan_file
from datamodules.mapped.sequential_split import SequentialSplit
from datamodules.serving.preprocessing import Preprocessing
from datamodules.serving.split import counts_of_parts
from datamodules.tables.cell_pieces import cell_pieces
from datamodules.tables.split_table import PARTS
from datamodules.tables.table import Table
from datamodules.tables.usable_rows import RowFilter

PIECE_BYTES = 2**22
TRAIN, TEST = 0, 2


@dataclass(frozen=True)
class SplitOptions:
    """How the rows are divided, and whether scaled by mean and population standard deviation of the training rows."""

    val_fraction: float
    test_fraction: float
    seed: int
    standardize: bool
    split_by: str = "random"


class Division(Protocol):
    """Tells the part of each row as it goes by."""

    sizes: NDArray[np.int64]

    def parts(self, labels: NDArray[np.int64]) -> NDArray[np.int64]: ...


class OrderedSplit:
    """The first rows for training, the next for validation, the last for the test."""

    def __init__(self, n: int, val_fraction: float, test_fraction: float) -> None:
        self.sizes = np.array(counts_of_parts(n, val_fraction, test_fraction))
        self._seen = 0

    def parts(self, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        rows = np.arange(self._seen, self._seen + len(labels))
        self._seen += len(labels)
        return np.searchsorted(np.cumsum(self.sizes), rows, side="right")


def write_copy(
    folder: Path, file: TableFile, rules: ColumnRules, options: SplitOptions, report: Report, test_file: TableFile | None
) -> None:
    """`features.npy`, `targets.npy` and `about.json`: rows for training first, then validation, then test.

    The file is read twice, to find out what it holds and to write its cells as numbers, each row to its part, in the file's
    order; from these the features are made.

    Raises:
        ValueError: what `TabularDataModule` refuses in memory.
        OSError: no space for the copy.
    """
    found = scan_file(file, rules, report)
    names = found.target.class_names
    counts = _count(file, found, rules, "counting")
    split: Division
    if options.split_by == "last":
        split = OrderedSplit(sum(counts), options.val_fraction, options.test_fraction)
    else:
        drawn = SequentialSplit(counts, options.val_fraction, options.test_fraction, options.seed, names, rules.strict)
        report.add(Topic.CLASSES, *drawn.notes)
        split = drawn
    sizes = split.sizes.copy()
    if test_file is not None:
        sizes[TEST] = sum(_count(test_file, found, rules, "counting"))
    n = int(sizes.sum())
    cells = _reserve(folder / "cells.npy", (len(found.columns), n), np.float64)
    targets = _reserve(folder / "targets.npy", (n,) if names else (n, 1), np.int64 if names else np.float64)
    ends = np.cumsum(sizes)
    starts = ends - sizes

    def place(block: NDArray[np.float64], target: NDArray[Any], parts: NDArray[np.int64]) -> None:
        for part in range(len(PARTS)):
            rows = np.flatnonzero(parts == part)
            where = slice(starts[part], starts[part] + len(rows))
            cells[:, where], targets[where] = block[:, rows], target[rows]
            starts[part] += len(rows)

    for block, target in _usable(file, found, rules, report, "copying", n):
        place(block, target, split.parts(target if names else np.zeros(len(target), np.int64)))
    if test_file is not None:
        for block, target in _usable(test_file, found, rules, report, "copying"):
            place(block, target, np.full(len(target), TEST))
    if (starts != ends).any():
        raise ValueError(f"{rules.path} has changed while it was read: start again")
    report.rows.update(zip(("training", "validation", "test"), sizes.tolist(), strict=True))
    encoder = Learner(rules, report).encoder(found.columns, list(cells), slice(0, int(sizes[TRAIN])))
    numbers = {column.name: number for number, column in enumerate(found.columns)}
    kept = [numbers[column.name] for column in encoder.columns]
    mean, deviation = _write_features(folder, encoder, cells, kept, int(sizes[TRAIN]), options.standardize, targets, names)
    targets.flush()
    (folder / "cells.npy").unlink()  # it stays mapped to the end of this function, and its room is free after that
    describe(encoder, report)
    preprocessing = Preprocessing(pruned(encoder), mean, deviation, names, rules.strict or rules.missing != "impute")
    about = {"sizes": sizes.tolist(), "preprocessing": preprocessing.plain(), "report": report.plain()}
    (folder / "about.json").write_text(json.dumps(about))


def _usable(
    file: TableFile, found: Scan, rules: ColumnRules, report: Report, what: str, rows: int | None = None
) -> Iterator[tuple[NDArray[np.float64], NDArray[Any]]]:
    """(cells (c, m), targets (m,) or (m, 1)) of the rows that can be used."""
    usable = RowFilter(file, found, rules)
    columns = (*found.columns, found.target.column)
    for piece in with_progress_bar(what, cell_pieces(file, columns), rows, lambda p: p.cells.shape[1]):
        cells = piece.cells[:, usable(piece.cells)]
        target = cells[-1].astype(np.int64) if found.target.class_names is not None else cells[-1][:, None]
        yield cells[:-1], target
    usable.tell(report)


def _count(file: TableFile, found: Scan, rules: ColumnRules, what: str) -> list[int]:
    """Usable rows of each class, or of all."""
    nobody = Report(rules.path)
    counts = np.zeros(max(1, len(found.target.class_names or ())), np.int64)
    for _, target in _usable(file, found, rules, nobody, what, found.rows):
        labels = target if found.target.class_names is not None else np.zeros(len(target), np.int64)
        counts += np.bincount(labels, minlength=len(counts))
    return counts.tolist()


def _write_features(
    folder: Path,
    encoder: Encoder,
    cells: NDArray[np.float64],
    kept: list[int],
    train_rows: int,
    standardize: bool,
    targets: NDArray[Any],
    class_names: tuple[str, ...] | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Write the features (n, d); return what was subtracted from them (d,) and what they were divided by after that (d,)."""
    n, d = len(targets), len(encoder.names)
    step = max(256, PIECE_BYTES // (8 * d))
    mean, deviation = np.zeros(d), np.ones(d)

    def pieces(rows: int) -> Iterator[NDArray[np.float64]]:
        for start in range(0, rows, step):
            yield encoder.features(list(cells[kept, start : min(start + step, rows)]))

    if standardize:
        scaler = StandardScaler()
        for piece in with_progress_bar("scaling", pieces(train_rows), train_rows):
            scaler.partial_fit(piece)
        mean, deviation = scaler.mean_, scaler.scale_
    features = _reserve(folder / "features.npy", (n, d), np.float64)
    feature_range, target_range, start = _Range(), _Range(), 0
    for piece in with_progress_bar("writing", pieces(n), n):
        feature_range.add(piece)
        target_range.add(np.asarray(targets[start : start + len(piece)]))
        features[start : start + len(piece)] = (piece - mean) / deviation
        start += len(piece)
    features.flush()
    Table(feature_range.bounds, target_range.bounds, encoder.names, class_names).check()  # it looks at nothing but extremes
    return mean, deviation


class _Range:
    """Smallest and largest value of each column: `bounds` (2, d), or (2,)."""

    bounds: NDArray[Any]

    def __init__(self) -> None:
        self._is_empty = True

    def add(self, values: NDArray[Any]) -> None:
        rows = values if self._is_empty else np.concatenate([values, self.bounds])
        self.bounds, self._is_empty = np.stack([rows.min(0), rows.max(0)]), False


def _reserve(path: Path, shape: tuple[int, ...], dtype: type) -> "np.memmap[Any, Any]":
    """A file of zeros, mapped. A disk too small says so here, not by a bus error at the write that would fill it."""
    needed, free = 8 * int(np.prod(shape)), shutil.disk_usage(path.parent).free
    if needed > free:
        raise OSError(
            f"{path.parents[1]}: the memory-mapped table takes {needed / 1e9:.3g} GB and {free / 1e9:.3g} GB are free: make "
            "room, or give another folder as memory_map"
        )
    array: np.memmap[Any, Any] = np.lib.format.open_memmap(path, "w+", np.dtype(dtype), shape)
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array
