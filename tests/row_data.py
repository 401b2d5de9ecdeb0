"""Any rows as a data module."""

from pytorch_lightning import LightningDataModule
from torch import Tensor

from datamodules.serving.batch_sampler import ShardedBatchSampler
from datamodules.serving.tensor_batches import TensorBatches


class RowData(LightningDataModule):
    """Serves given tensors, the same for training, validation and test, in the model's floating type.

    Args:
        tensors: (features, targets), or (original, view 1, view 2, labels).
        batch_size: rows of a step, over all processes; None = all of them.
        held_out: what validation and test see instead.
    """

    def __init__(self, *tensors: Tensor, batch_size: int | None = None, held_out: tuple[Tensor, Tensor] | None = None) -> None:
        super().__init__()
        self.tensors, self.batch_size, self.held_out = tensors, batch_size, held_out or tensors

    def _batches(self, tensors: tuple[Tensor, ...], shuffle: bool = False) -> TensorBatches:
        rank, world_size = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        sampler = ShardedBatchSampler(len(tensors[0]), self.batch_size, shuffle=shuffle, rank=rank, world_size=world_size)
        return TensorBatches(tensors, sampler)

    def train_dataloader(self) -> TensorBatches:
        return self._batches(self.tensors, shuffle=True)

    def val_dataloader(self) -> TensorBatches:
        return self._batches(self.held_out)

    def test_dataloader(self) -> TensorBatches:
        return self._batches(self.held_out)

    def predict_dataloader(self) -> TensorBatches:
        return self._batches(self.held_out)

    def on_after_batch_transfer(self, batch: tuple[Tensor, ...], dataloader_idx: int) -> tuple[Tensor, ...]:
        dtype = self.trainer.lightning_module.dtype
        return tuple(part.to(dtype) if part.is_floating_point() else part for part in batch)
