"""Batches of tensors by indexing: one gather a batch instead of one Python call a row."""

from collections.abc import Iterator

from torch import Tensor

from datamodules.batch_sampler import ShardedBatchSampler


class TensorBatches:
    """Iterates over batches of row-aligned tensors; a dataloader for tables that fit in memory.

    Args:
        tensors: each (n, …).
        sampler: which rows make up each batch.

    It presents itself to Lightning like a `DataLoader` without automatic batching – a `sampler` that yields whole batches
    and no `batch_sampler` – so that Lightning sets the sampler's epoch and replaces nothing.
    """

    batch_sampler = None

    def __init__(self, tensors: tuple[Tensor, ...], sampler: ShardedBatchSampler) -> None:
        self.tensors, self.sampler = tensors, sampler

    def __len__(self) -> int:
        return len(self.sampler)

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        for rows in self.sampler:
            yield tuple(tensor[rows] for tensor in self.tensors)
