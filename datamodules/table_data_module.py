"""What every data module for tables shares: check, split, scale, serve."""

from abc import ABC, abstractmethod
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import LightningDataModule
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from datamodules.batch_sampler import ShardedBatchSampler
from datamodules.split import check_fractions, split_rows
from datamodules.table import Table, check_not_constant
from datamodules.tensor_batches import TensorBatches

Split = tuple[Tensor, Tensor]


class TableDataModule(LightningDataModule, ABC):
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
    """

    def __init__(
        self,
        data_dir: str | None = None,
        batch_size: int | None = None,
        val_fraction: float = 0.2,
        test_fraction: float = 0.2,
        seed: int = 0,
        standardize: bool = True,
    ) -> None:
        super().__init__()
        check_fractions(val_fraction, test_fraction)
        if batch_size is not None and batch_size < 1:
            raise ValueError(f"batch_size={batch_size}: a batch needs at least one row; null means all rows")
        if not 0 <= seed < 2**32:
            raise ValueError(f"seed={seed}: the seed must be an integer from 0 to 2**32 - 1")
        self.save_hyperparameters(logger=False)
        self.data_dir, self.batch_size, self.seed, self.standardize = data_dir, batch_size, seed, standardize
        self.val_fraction, self.test_fraction = val_fraction, test_fraction

    @abstractmethod
    def load(self) -> Table:
        """Read the whole table, downloading it if need be."""

    @cached_property
    def table(self) -> Table:
        """The whole table, unscaled, checked.

        Raises:
            ValueError: the table cannot be fitted.
            OSError: its files cannot be read.
        """
        table = self.load()
        table.check()
        return table

    @property
    def num_features(self) -> int:
        """d."""
        return self.table.features.shape[1]

    @property
    def num_targets(self) -> int:
        """K, the number of real targets of a row; 1 for class labels."""
        return 1 if self.table.is_classification else self.table.targets.shape[1]

    @property
    def num_classes(self) -> int:
        """C; 0 if the targets are real numbers."""
        return len(self.class_names or ())

    @property
    def feature_names(self) -> tuple[str, ...]:
        return self.table.feature_names

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """Names of the classes; None for real targets."""
        return self.table.class_names

    def __str__(self) -> str:
        targets = f"{self.num_classes} classes" if self.table.is_classification else f"{self.num_targets} real targets"
        parts = ", ".join(f"{len(split[1])} {name}" for name, split in self.splits.items())
        return f"{type(self).__name__}: {self.num_features} features, {targets}, rows: {parts}"

    def prepare_data(self) -> None:
        self.table  # noqa: B018 – read once, and kept

    @cached_property
    def splits(self) -> dict[str, Split]:
        """(features, targets) of "train", "val" (possibly empty) and "test", scaled.

        Raises:
            ValueError: too few rows, or a feature that is constant in the training rows.
        """
        table = self.table
        train, val, test = split_rows(table, self.val_fraction, self.test_fraction, self.seed)
        features = table.features
        if self.standardize:
            check_not_constant(features[train], table.feature_names, f" in the {len(train)} training rows")
            features = StandardScaler().fit(features[train]).transform(features)
        return {
            name: _tensors(features, table.targets, rows) for name, rows in (("train", train), ("val", val), ("test", test))
        }

    def setup(self, stage: str) -> None:
        self.splits  # noqa: B018 – split now, so that a table that cannot be split fails here and not in the first epoch

    def train_dataloader(self) -> TensorBatches:
        return self._batches("train", shuffle=True)

    def val_dataloader(self) -> TensorBatches | list[object]:
        return self._batches("val") if len(self.splits["val"][1]) else []

    def test_dataloader(self) -> TensorBatches:
        return self._batches("test")

    def predict_dataloader(self) -> TensorBatches:
        return self._batches("test")

    def on_after_batch_transfer(self, batch: Split, dataloader_idx: int) -> Split:
        """Real numbers in the model's floating type."""
        dtype = self.trainer.lightning_module.dtype if self.trainer is not None else None
        features, targets = batch
        return features.to(dtype), targets.to(dtype) if targets.is_floating_point() else targets

    def _batches(self, split: str, shuffle: bool = False) -> TensorBatches:
        tensors = self.splits[split]
        rank, world_size = (self.trainer.global_rank, self.trainer.world_size) if self.trainer is not None else (0, 1)
        sampler = ShardedBatchSampler(
            len(tensors[0]), self.batch_size, shuffle=shuffle, seed=self.seed, rank=rank, world_size=world_size
        )
        return TensorBatches(tensors, sampler)


def _tensors(features: NDArray[np.float64], targets: NDArray[np.generic], rows: NDArray[np.int64]) -> Split:
    return torch.from_numpy(features[rows]), torch.from_numpy(targets[rows])
