"""Writes a table, split and scaled, into files to be memory-mapped."""

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from datamodules.mapped.sequential_split import SequentialSplit
from datamodules.mapped.table_contents import read_as_real, scan_table
from datamodules.serving.preprocessing import Preprocessing
from datamodules.tables.column_rules import ColumnRules
from datamodules.tables.row_stream import PIECE_BYTES, RowStream
from datamodules.tables.split_table import PARTS
from datamodules.tables.table import Table, check_not_constant


@dataclass(frozen=True)
class SplitOptions:
    """How the rows are divided, and whether scaled by mean and population standard deviation of the training rows."""

    val_fraction: float
    test_fraction: float
    seed: int
    standardize: bool


def write_copy(folder: Path, stream: RowStream, rules: ColumnRules, options: SplitOptions) -> None:
    """`features.npy`, `targets.npy` and `about.json`: rows for training first, then validation, then test.

    Three passes: what the file holds; its rows as numbers, each to its part, in the file's order; the scaling.

    Raises:
        ValueError: what `TabularDataModule` refuses in memory.
        OSError: no space for the copy.
    """
    columns, real = [*rules.features(stream.schema.names), rules.target], read_as_real(stream.schema, rules)
    contents = scan_table(with_progress_bar("reading", stream.pieces(columns, real)), stream.schema, rules)
    n, names, class_names = contents.rows, contents.feature_names, contents.class_names
    split = SequentialSplit(contents.class_counts, options.val_fraction, options.test_fraction, options.seed, class_names)
    features = _reserve(folder / "features.npy", (n, len(names)), np.float64)
    targets = _reserve(folder / "targets.npy", (n,) if class_names else (n, 1), np.int64 if class_names else np.float64)
    ends = np.cumsum(split.sizes)
    starts = ends - split.sizes
    feature_range, train_range, target_range = _Range(), _Range(), _Range()
    for piece in with_progress_bar("copying", stream.pieces(columns, real), n):
        block, target = contents.features(piece), contents.targets(piece[rules.target])
        parts = split.parts(target if class_names else np.zeros(len(block), np.int64))
        for part in range(len(PARTS)):
            rows = np.flatnonzero(parts == part)
            place = slice(starts[part], starts[part] + len(rows))
            features[place], targets[place] = block[rows], target[rows]
            starts[part] += len(rows)
        feature_range.add(block)
        target_range.add(target)
        if (parts == 0).any():
            train_range.add(block[parts == 0])
    if (starts != ends).any():
        raise ValueError(f"{rules.path} has changed while it was read: start again")
    Table(feature_range.bounds, target_range.bounds, names, class_names).check()  # it looks at nothing but extremes
    mean, deviation = np.zeros(len(names)), np.ones(len(names))
    if options.standardize:
        check_not_constant(train_range.bounds, names, f" in the {split.sizes[0]} training rows")
        scaler = _standardize(features, split.sizes[0])
        mean, deviation = scaler.mean_, scaler.scale_
    features.flush()
    targets.flush()
    preprocessing = Preprocessing(contents.encodings, mean, deviation, class_names)
    about = {"sizes": split.sizes.tolist(), "preprocessing": preprocessing.plain()}
    (folder / "about.json").write_text(json.dumps(about))


def _standardize(features: NDArray[np.float64], train_rows: int) -> StandardScaler:
    """In place, by the training rows, a few rows at a time."""
    step = max(256, PIECE_BYTES // (8 * features.shape[1]))
    scaler = StandardScaler()
    for start in range(0, train_rows, step):
        scaler.partial_fit(features[start : min(start + step, train_rows)])
    for chunk in with_progress_bar("scaling", (features[i : i + step] for i in range(0, len(features), step)), len(features)):
        chunk[:] = scaler.transform(chunk)
    return scaler


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


def with_progress_bar(what: str, pieces: Iterable[Any], rows: int | None = None) -> Iterator[Any]:
    """The pieces, with a bar that appears after two seconds and counts their rows."""
    with tqdm(total=rows, desc=what, unit=" rows", unit_scale=True, delay=2, leave=False) as bar:
        for piece in pieces:
            yield piece
            bar.update(len(piece))
