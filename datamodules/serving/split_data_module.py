"""What the data modules share: options, split, batches."""

from abc import ABC, abstractmethod
from functools import cached_property, partial
from typing import Any, ClassVar

import torch
from pytorch_lightning import LightningDataModule
from torch import Tensor

from datamodules.messages import counted
from datamodules.messages.split_options import check_split_options
from datamodules.serving.batch_sampler import ShardedBatchSampler
from datamodules.serving.kept_batches import KeptBatches, is_view_of
from datamodules.serving.measured_rows import EVALUATION_ROWS, are_limited, measured_rows
from datamodules.serving.preprocessing import Preprocessing
from datamodules.serving.room import Room, free_bytes
from datamodules.serving.rows_checksum import checksum_of_rows
from datamodules.serving.tensor_batches import TensorBatches

Split = tuple[Tensor, ...]
# What is kept of validation and test on the CPU takes at most so much beside the rows; on a device half of its free memory.
KEPT_BYTES = 2**30


class SplitDataModule(LightningDataModule, ABC):
    """Rows with targets, split once into "train", "val" and "test" and served by indexing.

    Subclasses say what the rows are (`split` and the properties) and how a batch becomes numbers for the model
    (`convert`, on the device).

    Args:
        data_dir: folder that holds, or receives, the files of the data set.
        batch_size: rows of one step, over all processes together; null = full batch.
        val_fraction: share of the rows for validation, in [0, 1); 0 = no validation.
        test_fraction: share of the rows for the test, in [0, 1); 0 = no test; null = the data set has test rows of its own.
        seed: of the split and of the order of mini-batches.

    Attributes:
        unsaved: arguments that checkpoints leave out: the rows themselves.

    Raises:
        ValueError: an option out of its range.
    """

    unsaved: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self, data_dir: str | None, batch_size: int | None, val_fraction: float, test_fraction: float | None, seed: int
    ) -> None:
        super().__init__()
        check_split_options(data_dir, batch_size, val_fraction, test_fraction, seed)
        self.save_hyperparameters(ignore=self.unsaved, logger=False)
        self.data_dir, self.batch_size, self.seed = data_dir, batch_size, seed
        self.val_fraction, self.test_fraction = val_fraction, test_fraction
        self._kept, self._room = KeptBatches(), Room()

    @abstractmethod
    def split(self) -> dict[str, Split]:
        """(features (n, d), targets) of "train", "val" and "test", of which the last two can be empty; or with weights (n,),
        where rows do not count once each. An offset is the last column of the features, (n, d + 1)."""

    @cached_property
    def splits(self) -> dict[str, Split]:
        """What `split` returns, computed once."""
        return self.split()

    @abstractmethod
    def convert(self, batch: Split, dtype: torch.dtype | None) -> Split:
        """A batch of rows as numbers for a model of this floating type; None where there is no model."""

    def conversion(self, dtype: torch.dtype | None) -> object:
        """What `convert` depends on besides the batch."""
        return dtype

    @property
    @abstractmethod
    def num_rows(self) -> int:
        """Rows before the split, those of all parts together."""

    @property
    @abstractmethod
    def num_features(self) -> int:
        """d."""

    @property
    def has_offset(self) -> bool:
        """Whether there is one more column behind the features, which is added to the linear predictor and has no weight."""
        return False

    @property
    @abstractmethod
    def num_targets(self) -> int:
        """K, the number of real targets of a row; 1 for class labels."""

    @property
    @abstractmethod
    def feature_names(self) -> tuple[str, ...]:
        """d names."""

    @property
    @abstractmethod
    def class_names(self) -> tuple[str, ...] | None:
        """Names of the classes; None for real targets."""

    @property
    @abstractmethod
    def preprocessing(self) -> Preprocessing:
        """How new rows become the model's input."""

    def rows_checksum(self) -> int:
        """A number that tells these rows, their parts and the names of features and classes from others."""
        return checksum_of_rows(self.splits, self.feature_names, self.class_names)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint needs of the data for new rows to be predicted without them."""
        return {"preprocessing": self.preprocessing.plain()}

    @property
    def num_classes(self) -> int:
        """C; 0 if the targets are real numbers."""
        return len(self.class_names or ())

    @property
    def model_dtype(self) -> torch.dtype | None:
        """Floating type of the model being trained or tested; None where there is no trainer."""
        return self.trainer.lightning_module.dtype if self.trainer is not None else None  # type: ignore[return-value]

    def __str__(self) -> str:
        what = counted(self.num_classes, "class", "classes") if self.num_classes else counted(self.num_targets, "real target")
        parts = ", ".join(f"{len(split[1])} {name}" for name, split in self.splits.items())
        return f"{type(self).__name__}: {counted(self.num_features, 'feature')}, {what}, rows: {parts}"

    def setup(self, stage: str) -> None:
        self.splits  # noqa: B018 – split now, so that rows that cannot be split fail here and not in the first epoch

    def is_full_batch(self, batch: Any) -> bool:
        """Whether a batch is all rows that this process has of a part: a view, the same in every epoch, not a copy of some."""
        return self._part_of(batch) is not None

    def _part_of(self, batch: Any) -> str | None:
        """The part of which a batch is a view: "train", "val" or "test"."""
        return next((name for name, rows in self.splits.items() if len(batch[0]) and is_view_of(batch[0], rows[0])), None)

    def check_full_batch(self, dtype: torch.dtype | None) -> None:
        """Refuse by a ValueError a floating type of the model in which all training rows cannot be one batch."""

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """The batch on the device, as numbers for the model; one of all rows of a part is moved and converted once."""
        dtype, move = self.model_dtype, super().transfer_batch_to_device

        def make(rows: Any) -> Any:
            return self.convert(move(rows, device, dataloader_idx), dtype)

        if (part := self._part_of(batch)) is None or not self.is_full_batch(batch):
            return make(batch)
        if part == "train" and self.batch_size is None:
            self.check_full_batch(dtype)
        kept_as = part if is_view_of(batch[-1], self.splits[part][-1]) else f"{part}, measured"  # with other weights
        keep, place = partial(self._kept.get_or_make, kept_as, batch), (device, self.conversion(dtype))
        if part == "train" and self._stays_where_it_is(batch, device, dtype):
            return keep(lambda rows: self._beside(rows, device, dtype, move), *place)
        free = free_bytes(device)
        most = KEPT_BYTES if free is None else self._kept.added_bytes + free // 2
        return keep(make, *place, most=None if part == "train" else most)

    def _stays_where_it_is(self, rows: Split, device: torch.device, dtype: torch.dtype | None) -> bool:
        """Whether the features of all training rows are read from where they are, chunk by chunk.

        A model that can do so says it by `reads_in_chunks`.
        """
        model, has_room = getattr(self.trainer, "lightning_module", None), self._room.has_room("train", rows, device, dtype)
        if has_room and not self.is_larger_than_memory(rows, dtype):
            return False
        return getattr(model, "reads_in_chunks", False) and self.is_converted_in_chunks(rows, dtype)

    def is_converted_in_chunks(self, rows: Split, dtype: torch.dtype | None) -> bool:
        """Whether `convert` changes nothing of features but their floating type, which each chunk can do for itself."""
        return False

    def is_larger_than_memory(self, rows: Split, dtype: torch.dtype | None) -> bool:
        """Whether the host may have no room for a copy of the features, as `convert` would make."""
        return False

    def _beside(self, rows: Any, device: torch.device, dtype: torch.dtype | None, move: Any) -> Split:
        """Features as they are, and what is beside them on the device."""
        features, *others = rows
        return features, *self.convert((features[:0], *(move(part, device, 0) for part in others)), dtype)[1:]

    def teardown(self, stage: str) -> None:
        """Leave a device's memory to others when the trainer is done."""
        self._kept.release_devices()
        self._room.forget()

    @property
    def evaluation_batch_size(self) -> int | None:
        """Rows of one batch of validation or test, over all processes together; None = all of them."""
        return self.batch_size if are_limited(self.trainer) else measured_rows(self.batch_size, self.splits["train"][0])

    def train_dataloader(self) -> TensorBatches:
        return self._batches("train")

    def val_dataloader(self) -> TensorBatches | list[object]:
        return self._batches_if_any("val")

    def test_dataloader(self) -> TensorBatches | list[object]:
        return self._batches_if_any("test")

    def predict_dataloader(self) -> TensorBatches | list[object]:
        return self._batches_if_any("test")

    def measured_dataloader(self, split: str) -> TensorBatches | list[object]:
        """All rows of "train", "val" or "test" in their own order, in batches of the size for evaluation; [] of none."""
        return self._batches_if_any(split, is_measured=True)

    def _batches_if_any(self, split: str, is_measured: bool = False) -> TensorBatches | list[object]:
        """No loader for a part without rows, which Lightning passes over: `trainer.test` then returns []."""
        return self._batches(split, is_measured) if len(self.splits[split][1]) else []

    def _batches(self, split: str, is_measured: bool = False) -> TensorBatches:
        """Batches of a part: of training in a new order in every epoch, but where the trainer overfits or measures them."""
        tensors = self.rows_of(split, is_measured)
        is_trained = split == "train" and not is_measured
        shuffle = is_trained and not getattr(self.trainer, "overfit_batches", 0) > 0
        rank, world_size = (self.trainer.global_rank, self.trainer.world_size) if self.trainer is not None else (0, 1)
        batch_size = self.batch_size if is_trained else self.evaluation_batch_size
        has_room = self._has_room(split)  # asked for those of training too, of which a process may have none later
        if not is_trained and not has_room:
            batch_size = min(batch_size or EVALUATION_ROWS, EVALUATION_ROWS)
        sampler = ShardedBatchSampler(
            len(tensors[0]), batch_size, shuffle=shuffle, seed=self.seed, rank=rank, world_size=world_size
        )
        return self.batches(tensors, sampler)

    def _has_room(self, split: str) -> bool:
        """Whether all rows that each process has of a part can be one batch on its device; all of them ask."""
        strategy = getattr(self.trainer, "strategy", None)
        if strategy is None:
            return True
        share = -(-len(self.splits[split][0]) // self.trainer.world_size)  # type: ignore[union-attr]
        rows = tuple(tensor[:share] for tensor in self.splits[split])
        return self._room.has_room(split, rows, strategy.root_device, self.model_dtype, strategy.reduce_boolean_decision)

    def rows_of(self, split: str, is_measured: bool) -> Split:
        """The rows of a part, for a step or to be measured only."""
        return self.splits[split]

    def batches(self, tensors: Split, sampler: ShardedBatchSampler) -> TensorBatches:
        """Batches of rows as the sampler says."""
        return TensorBatches(tensors, sampler)
