"""Batches of tensors by indexing: one gather a batch instead of one Python call a row."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from torch import Tensor

from datamodules.serving.batch_sampler import Index, ShardedBatchSampler
from datamodules.serving.resumable_batches import ResumableBatches


class TensorBatches(ResumableBatches):
    """Iterates over batches of row-aligned tensors; a dataloader for rows that are at hand.

    Args:
        tensors: each (n, …).
        sampler: which rows make up each batch.

    Attributes:
        made: what becomes of a batch before it is given; None = nothing.
    """

    made: Callable[[tuple[Tensor, ...]], tuple[Tensor, ...]] | None = None

    def __init__(self, tensors: tuple[Tensor, ...], sampler: ShardedBatchSampler) -> None:
        super().__init__(sampler)
        self.tensors = tensors

    def load(self, batches: Iterable[Index], first: int) -> Iterator[tuple[Any, ...]]:
        for rows in batches:
            yield self.given(tuple(tensor[rows] for tensor in self.tensors))

    def given(self, batch: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """A batch as it is given."""
        return batch if self.made is None else self.made(batch)

    def whole(self) -> tuple[Tensor, ...] | None:
        """All rows of this process, whatever the batches are: a view of them, in their own order.

        None where that is not what the batches hold together.
        """
        return self.given(tuple(tensor[self.sampler.share] for tensor in self.tensors))
