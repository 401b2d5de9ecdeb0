"""A table divided into parts and scaled by its training rows: what a data module serves, wherever the rows are."""

from collections.abc import Callable
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from datamodules.columns import Encoder
from datamodules.columns.scaler import CodedScaler
from datamodules.serving.batch_sampler import ShardedBatchSampler
from datamodules.serving.preprocessing import Preprocessing
from datamodules.serving.row_counts import row_count_exponent
from datamodules.serving.split import Rows
from datamodules.serving.split_data_module import Split
from datamodules.serving.tensor_batches import TensorBatches
from datamodules.tables.table import Table, check_not_constant, refuse_constant

PARTS = ("train", "val", "test")


class SplitTable(Protocol):
    """Kept in memory (`TableInMemory`), or in files (`datamodules.mapped.MappedTable`).

    Attributes:
        evaluation_rows: the most rows of one batch of validation or test; None = any number.
        is_mapped: whether the rows are in files, and may be more than memory holds.
    """

    @property
    def evaluation_rows(self) -> int | None: ...

    @property
    def is_mapped(self) -> bool: ...

    @property
    def checksum(self) -> int | None:
        """Of the rows of each part, if it is known without reading them."""

    @property
    def table(self) -> Table:
        """The whole table, checked."""

    @property
    def rows(self) -> dict[str, Rows]:
        """Row numbers of `table` in "train", "val" (possibly empty) and "test"."""

    @property
    def preprocessing(self) -> Preprocessing:
        """Encoding and scaling by the training rows."""

    def splits(self) -> dict[str, Split]:
        """(features, targets), or (features, targets, weights), of each part, scaled; behind the features the offset."""

    def batches(self, tensors: Split, sampler: ShardedBatchSampler) -> TensorBatches:
        """Batches of some of these rows."""

    def check_full_batch(self, dtype: torch.dtype | None) -> None:
        """Refuse a floating type in which all training rows cannot be one batch.

        Raises:
            ValueError: says what can be done.
        """


class TableInMemory:
    """All rows in memory, read and divided when first asked for.

    Args:
        load: reads the table.
        divide: gives its rows for training, validation and test.
        standardize: whether to scale the features.
    """

    evaluation_rows, checksum, is_mapped, is_strict = None, None, False, True

    def __init__(
        self, load: Callable[[], Table], divide: Callable[[Table], tuple[Rows, Rows, Rows]], standardize: bool
    ) -> None:
        self._load, self._divide, self._standardize = load, divide, standardize

    @cached_property
    def table(self) -> Table:
        """The whole table, unscaled, checked.

        Raises:
            ValueError: the table cannot be fitted.
            OSError: its files cannot be read.
        """
        table = self._load().of_rows_that_count()
        table.check()
        if self._standardize:
            check_not_constant(table.features[:, : len(table.stored_names)], table.stored_names, "")
        return table

    @cached_property
    def rows(self) -> dict[str, Rows]:
        """Row numbers of each part.

        Raises:
            ValueError: too few rows.
        """
        return dict(zip(PARTS, self._divide(self.table), strict=True))

    @cached_property
    def preprocessing(self) -> Preprocessing:
        """Encoding and scaling by the training rows.

        Raises:
            ValueError: too few rows, or a feature that is constant in the training rows.
        """
        table, d = self.table, self.table.coding.num_features
        mean, deviation = np.zeros(d), np.ones(d)
        if self._standardize:
            train, where = table.features[self.rows["train"]], f" in the {len(self.rows['train'])} training rows"
            check_not_constant(train[:, : len(table.stored_names)], table.stored_names, where)
            weights = None if table.weights is None else table.weights[self.rows["train"]]
            if weights is not None:
                weights = np.ldexp(weights, row_count_exponent(weights))
            scaler = CodedScaler(table.coding, StandardScaler())
            scaler.add(train, weights)
            refuse_constant(scaler.constant, table.feature_names, where)
            mean, deviation = scaler.mean, scaler.deviation
        encoder = table.encoder or Encoder.of_numbers(table.feature_names)
        return Preprocessing(encoder, mean, deviation, table.class_names, self.is_strict, table.given)

    def splits(self) -> dict[str, Split]:
        """(features, targets), or (features, targets, weights), of each part, scaled; behind the features the offset.

        Raises:
            ValueError: too few rows, or a feature that is constant in the training rows.
        """
        return dict(self._splits)

    @cached_property
    def _splits(self) -> dict[str, Split]:
        scaling = self.table.coding.stored_scaling(self.preprocessing.mean, self.preprocessing.deviation)
        return {name: _tensors(self.table, rows, scaling if self._standardize else None) for name, rows in self.rows.items()}

    def batches(self, tensors: Split, sampler: ShardedBatchSampler) -> TensorBatches:
        return TensorBatches(tensors, sampler)

    def check_full_batch(self, dtype: torch.dtype | None) -> None:
        """A copy in any floating type is as large as the table, which memory holds already."""


def _tensors(table: Table, rows: Rows, scaling: tuple[NDArray[np.float64], NDArray[np.float64]] | None) -> Split:
    inputs = table.features[rows]
    if scaling is not None:
        mean, deviation = scaling
        inputs -= mean
        inputs /= deviation
    if table.offset is not None:
        inputs = np.column_stack([inputs, table.offset[rows]])
    given = () if table.weights is None else (torch.from_numpy(table.weights[rows]),)
    return torch.from_numpy(inputs), torch.from_numpy(table.targets[rows]), *given
