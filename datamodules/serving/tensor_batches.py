"""Batches of tensors by indexing: one gather a batch instead of one Python call a row."""

from collections.abc import Iterable, Iterator
from typing import Any

from torch import Tensor

from datamodules.serving.batch_sampler import Index, ShardedBatchSampler
from datamodules.serving.resumable_batches import ResumableBatches


class TensorBatches(ResumableBatches):
    """Iterates over batches of row-aligned tensors; a dataloader for rows that are at hand.

    Args:
        tensors: each (n, …).
        sampler: which rows make up each batch.
    """

    def __init__(self, tensors: tuple[Tensor, ...], sampler: ShardedBatchSampler) -> None:
        super().__init__(sampler)
        self.tensors = tensors

    def load(self, batches: Iterable[Index], first: int) -> Iterator[tuple[Any, ...]]:
        for rows in batches:
            yield tuple(tensor[rows] for tensor in self.tensors)

    def whole(self) -> tuple[Tensor, ...] | None:
        """All rows of this process, whatever the batches are: a view of them, in their own order.

        None where that is not what the batches hold together.
        """
        return tuple(tensor[self.sampler.share] for tensor in self.tensors)
