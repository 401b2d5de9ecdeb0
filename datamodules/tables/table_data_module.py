"""What the data modules for tables share: options, facts about the table, conversion for the model."""

from abc import abstractmethod
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from datamodules.columns.coding import Coding
from datamodules.messages import counted
from datamodules.messages.split_options import ClassWeight, check_class_weight
from datamodules.serving.batch_sampler import ShardedBatchSampler, share_of_process
from datamodules.serving.class_weights import with_class_weights
from datamodules.serving.coded_batch import Codes
from datamodules.serving.folds import Fold
from datamodules.serving.preprocessing import Preprocessing
from datamodules.serving.split import Rows, split_rows
from datamodules.serving.split_data_module import Split, SplitDataModule
from datamodules.serving.tensor_batches import TensorBatches
from datamodules.tables.sparse_rows import is_sparse
from datamodules.tables.split_table import SplitTable, TableInMemory
from datamodules.tables.table import Table


class TableDataModule(SplitDataModule):
    """A table that fits in memory: features (n, d) in float64 and targets, class labels (n,) or real numbers (n, K).

    Features are scaled with mean and population standard deviation of the training rows. Batches arrive in the model's
    floating type.

    Args:
        data_dir: folder that holds, or receives, the files of the data set; null = where its library keeps them. Data
            bundled with a library need none.
        batch_size: rows of one step, over all processes together; null = full batch.
        val_fraction: share of all rows for validation, in [0, 1); 0 = no validation.
        test_fraction: share of all rows for the test, in (0, 1).
        seed: of the split and of the order of mini-batches.
        standardize: whether to scale the features.
        folds: parts of a cross-validation, of which one is the test rows, in place of test_fraction; null = none.
        fold: which of them, from 0.
        class_weight: "balanced", or weights by the names of classes, that multiply the weights of the training rows: balanced
            classes weigh the same in the loss. Metrics do not count by them.
    """

    def __init__(
        self,
        data_dir: str | None = None,
        batch_size: int | None = None,
        val_fraction: float = 0.2,
        test_fraction: float = 0.2,
        seed: int = 0,
        standardize: bool = True,
        folds: int | None = None,
        fold: int = 0,
        class_weight: ClassWeight | None = None,
    ) -> None:
        super().__init__(data_dir, batch_size, val_fraction, test_fraction, seed)
        check_class_weight(class_weight)
        self.standardize, self.class_weight, self.fold = standardize, class_weight, None if folds is None else Fold(fold, folds)

    @abstractmethod
    def load(self) -> Table:
        """Read the whole table, downloading it if need be."""

    @cached_property
    def split_table(self) -> SplitTable:
        """The table, divided and scaled; it is read when something of it is asked for."""
        return TableInMemory(self.load, self._divide, self.standardize)

    def _divide(self, table: Table) -> tuple[Rows, Rows, Rows]:
        if self.fold is None:
            return split_rows(table, self.val_fraction, self.test_fraction, self.seed)
        return self.fold.rows(table, self.val_fraction, self.seed)

    @property
    def table(self) -> Table:
        """The whole table, checked; in memory unscaled.

        Raises:
            ValueError: the table cannot be fitted.
            OSError: its files cannot be read.
        """
        return self.split_table.table

    @property
    def rows(self) -> dict[str, Rows]:
        """Row numbers of `table` in "train", "val" (possibly empty) and "test".

        Raises:
            ValueError: too few rows.
        """
        return self.split_table.rows

    @property
    def preprocessing(self) -> Preprocessing:
        """Encoding and scaling by the training rows.

        Raises:
            ValueError: too few rows, or a feature that is constant in the training rows.
        """
        return self.split_table.preprocessing

    @property
    def num_rows(self) -> int:
        return len(self.table.targets)

    @property
    def num_features(self) -> int:
        return len(self.table.feature_names)

    @property
    def has_offset(self) -> bool:
        return self.table.offset is not None

    @property
    def num_targets(self) -> int:
        return 1 if self.table.is_classification else self.table.targets.shape[1]

    @property
    def feature_names(self) -> tuple[str, ...]:
        return self.table.feature_names

    @property
    def class_names(self) -> tuple[str, ...] | None:
        return self.table.class_names

    def prepare_data(self) -> None:
        self.table  # noqa: B018 – read once, and kept

    def scaled(self, features: Any, offset: NDArray[np.generic] | None = None) -> Tensor:
        """New rows of unscaled features, in the order of `feature_names`, as the model takes them, float64.

        Args:
            features: (n, d).
            offset: of each row (n,), where the data have one; it becomes the last column.

        Raises:
            ValueError: not (n, d); an offset that is not (n,), is missing, or that there is none of.
        """
        rows, d = np.asarray(features.toarray() if is_sparse(features) else features, np.float64), self.num_features
        if rows.shape[1:] != (d,):
            raise ValueError(f"features of shape {rows.shape}: give rows of {counted(d, 'feature')}, (n, {d})")
        if (offset is not None) != self.has_offset:
            raise ValueError(f"offset: the data have {'one, give it as well' if self.has_offset else 'none, leave it out'}")
        if offset is not None:
            if np.shape(offset) != (len(rows),):
                raise ValueError(f"offset of shape {np.shape(offset)}: give one number for each of the rows, ({len(rows)},)")
            rows = np.column_stack([rows, np.asarray(offset, np.float64)])
        return torch.from_numpy(self.preprocessing.scaled(rows))

    @property
    def coding(self) -> Coding:
        """How the features are stored: those of long tables with categories as codes."""
        return self.table.coding

    @cached_property
    def _codes(self) -> Codes:
        """What the stored columns are."""
        return Codes(self.coding, self.preprocessing.mean, self.preprocessing.deviation)

    def gives_codes(self, dtype: torch.dtype | None) -> bool:
        """Whether batches have codes: the model says by `takes_codes` that it can read them, and its type can hold them."""
        model = getattr(self.trainer, "lightning_module", None)
        return self.coding.has_codes and getattr(model, "takes_codes", False) and self._codes.can_be_in(dtype)

    @cached_property
    def measured_splits(self) -> dict[str, Split]:
        """The rows of each part, as metrics count them."""
        return {name: self._told(rows) for name, rows in self.split_table.splits().items()}

    def _told(self, rows: Split, device: torch.device | None = None) -> Split:
        """Rows that say what their codes are, if they have any."""
        return self._codes.told(rows, device or rows[0].device) if self.coding.has_codes else rows

    def split(self) -> dict[str, Split]:
        """(features, targets), or (features, targets, weights), of "train", "val" (possibly empty) and "test", scaled.

        Of a long table with categories features are as they are stored, and the tuple says how (`CodedBatch`).

        Raises:
            ValueError: too few rows, or a feature that is constant in the training rows; weights of classes that are none.
        """
        parts = dict(self.measured_splits)
        if self.class_weight is not None:
            parts["train"] = self._told(with_class_weights(parts["train"], self.class_weight, self.class_names))
        return parts

    def rows_of(self, split: str, is_measured: bool) -> Split:
        return self.measured_splits[split] if is_measured else self.splits[split]

    @property
    def evaluation_batch_size(self) -> int | None:
        rows, most = super().evaluation_batch_size, self.split_table.evaluation_rows
        return rows if most is None else min(rows or most, most)

    def training_clusters(self, rank: int = 0, world_size: int = 1) -> Tensor | None:
        """The number of the cluster of each training row that a process has (n,), from 0; None without clusters."""
        return self._of_training_rows(self.table.clusters, rank, world_size)

    def training_groups(self, rank: int = 0, world_size: int = 1) -> Tensor | None:
        """As `training_clusters`, of groups whose rows stay together, or else of clusters; None without either."""
        groups = self.table.clusters if self.table.groups is None else self.table.groups
        return self._of_training_rows(groups, rank, world_size)

    def _of_training_rows(self, numbers: NDArray[np.int64] | None, rank: int, world_size: int) -> Tensor | None:
        if numbers is None:
            return None
        rows = self.rows["train"]
        return torch.from_numpy(np.array(numbers[rows[share_of_process(len(rows), rank, world_size)]]))

    def rows_checksum(self) -> int:
        return super().rows_checksum() if self.split_table.checksum is None else self.split_table.checksum

    def batches(self, tensors: Split, sampler: ShardedBatchSampler) -> TensorBatches:
        found = self.split_table.batches(tensors, sampler)
        if self.coding.has_codes and self.trainer is None:  # nobody converts what is given
            found.made = lambda batch: self._told(batch).written_out  # type: ignore[attr-defined]
        return found

    def check_full_batch(self, dtype: torch.dtype | None) -> None:
        self.split_table.check_full_batch(dtype)

    def is_converted_in_chunks(self, rows: Split, dtype: torch.dtype | None) -> bool:
        is_own = type(self).convert is TableDataModule.convert
        return is_own and (self.gives_codes(dtype) or not self.coding.has_codes)

    def is_larger_than_memory(self, rows: Split, dtype: torch.dtype | None) -> bool:
        return self.split_table.is_mapped and dtype not in (None, rows[0].dtype)

    def conversion(self, dtype: torch.dtype | None) -> object:
        return dtype, self.gives_codes(dtype)

    def convert(self, batch: Split, dtype: torch.dtype | None) -> Split:
        """Real numbers in the model's floating type, codes written out for a model that does not take them."""
        if self.coding.has_codes and not self.gives_codes(dtype):
            batch = self._codes.told(batch, batch[0].device).written_out
        return tuple(part.to(dtype) if part.is_floating_point() else part for part in batch)

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """As its base class's; a batch with codes says what they are."""
        made = super().transfer_batch_to_device(tuple(batch), device, dataloader_idx)
        # Targets are where is computed; features may have no room there.
        return self._told(made, made[1].device) if self.gives_codes(self.model_dtype) else made
