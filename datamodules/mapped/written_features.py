"""Features from cells, scaled by the training rows, written to a file a few rows at a time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from datamodules.columns import Column, Encoder
from datamodules.columns.learning import Cells
from datamodules.columns.scaler import CodedScaler
from datamodules.files.progress_bar import with_progress_bar
from datamodules.mapped.given_back import GivenBack
from datamodules.mapped.reserved_file import reserve
from datamodules.serving.row_counts import row_count_exponent
from datamodules.tables.table import Table, refuse_not_finite

PIECE_BYTES = 2**22
FEATURES = "features.npy"


class FeatureWriter:
    """Reads the features of the rows from their cells.

    Args:
        encoder: what the features are.
        columns: what the cells are, those of the encoder among others.
        cells: of each column (c, n), the training rows first.
        train_rows: how many these are.
        weights: how many times each row counts (n,); None = once.
        offset: what stands behind the features (n,); None without one.

    Attributes:
        coding: how the features are stored.
    """

    def __init__(
        self,
        encoder: Encoder,
        columns: tuple[Column, ...],
        cells: NDArray[np.float64],
        train_rows: int,
        weights: Cells | None = None,
        offset: NDArray[np.float64] | None = None,
    ) -> None:
        places = {column.name: place for place, column in enumerate(columns)}
        self.encoder, self._cells, self._train_rows = encoder, cells, train_rows
        self.coding = encoder.coding(cells.shape[1])
        self._kept = [places[column.name] for column in encoder.columns]
        self._weights, self._offset = weights, offset
        self._pages = GivenBack(cells, offset)

    def scale(self, standardize: bool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and population standard deviation of the training rows (d,); of constant features 1.

        Those that nothing is scaled by, 0 and 1, where it is not wanted.
        """
        if not standardize:
            return np.zeros(self.coding.num_features), np.ones(self.coding.num_features)
        exponent = 0 if self._weights is None else row_count_exponent(self._weights)
        scaler = CodedScaler(self.coding, StandardScaler())
        with np.errstate(over="ignore", invalid="ignore"):  # what is too large is refused when it is written
            start = 0
            for piece in with_progress_bar("scaling", self._pieces(self._train_rows), self._train_rows):
                weights = None if self._weights is None else np.ldexp(self._weights[start : start + len(piece)], exponent)
                scaler.add(piece, weights)
                start += len(piece)
        return scaler.mean, scaler.deviation

    def write(
        self,
        folder: Path,
        targets: NDArray[Any],
        class_names: tuple[str, ...] | None,
        mean: NDArray[np.float64],
        deviation: NDArray[np.float64],
    ) -> None:
        """`features.npy`, as they are stored (n, c), less the mean (d,), by the deviation (d,); behind them the offset.

        Raises:
            ValueError: what `Table.check` refuses.
            OSError: the disk is too small.
        """
        names, n, c = self.coding.stored_names(self.encoder.names), len(targets), self.coding.num_stored
        shift, scale = self.coding.stored_scaling(mean, deviation)
        features = reserve(folder / FEATURES, (n, c if self._offset is None else c + 1), np.float64)
        extremes, target_extremes, start = _Extremes(), _Extremes(), 0
        pages = GivenBack(features, targets)
        for piece in with_progress_bar("writing", self._pieces(n), n):
            rows = slice(start, start + len(piece))
            extremes.add(piece)
            target_extremes.add(np.asarray(targets[rows]))
            np.subtract(piece, shift, out=piece)
            np.divide(piece, scale, out=features[rows, :c])
            if self._offset is not None:
                features[rows, c] = self._offset[rows]
            start += len(piece)
            pages.touched(piece.nbytes + targets[rows].nbytes)
        features.flush()
        pages.give_back()
        refuse_not_finite(extremes.not_finite, extremes.bad_rows, names)
        Table(extremes.bounds, target_extremes.bounds, names, class_names).check()  # it looks at nothing but extremes

    def _pieces(self, rows: int) -> Iterator[NDArray[np.float64]]:
        step = max(256, PIECE_BYTES // (8 * self.coding.num_stored))
        for start in range(0, rows, step):
            cells = self._cells[self._kept, start : min(start + step, rows)]
            self._pages.touched(cells.nbytes)
            yield self.encoder.stored(list(cells), self.coding)


class _Extremes:
    """Smallest and largest finite value of each column, and how many are not finite.

    Attributes:
        bounds: (2, d), or (2,).
        not_finite: (d,), or ().
        bad_rows: in how many rows.
    """

    bounds: NDArray[Any]

    def __init__(self) -> None:
        self._is_empty, self.bad_rows, self.not_finite = True, 0, np.zeros((), np.int64)

    def add(self, values: NDArray[Any]) -> None:
        bad = ~np.isfinite(values)
        if bad.any():
            self.not_finite = self.not_finite + bad.sum(0)
            self.bad_rows += int(bad.reshape(len(bad), -1).any(1).sum())
            values = np.where(bad, 0, values)
        rows = values if self._is_empty else np.concatenate([values, self.bounds])
        self.bounds, self._is_empty = np.stack([rows.min(0), rows.max(0)]), False
