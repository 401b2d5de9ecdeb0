"""Items drawn one at a time, in the loader's processes, each with randomness that is its own."""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from datamodules.serving.batch_sampler import Index, ShardedBatchSampler
from datamodules.serving.mixed_seed import mixed_seed
from datamodules.serving.resumable_batches import ResumableBatches


class KeyedItems(Dataset[Any]):
    """Items of another dataset whose torch randomness depends on (seed, epoch, index) alone.

    Otherwise it would depend on the number of the loader's processes, and on all that was drawn before.
    """

    def __init__(self, dataset: Dataset[Any], seed: int, epoch: int) -> None:
        self.dataset, self.seed, self.epoch = dataset, seed, epoch

    def __getitem__(self, index: int) -> Any:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(mixed_seed(self.seed, self.epoch, index))
            return self.dataset[index]


class ItemBatches(ResumableBatches):
    """Batches of a dataset's items by a `DataLoader`, the same with any number of loader processes.

    Args:
        dataset: whose items are collated.
        sampler: which of them make up each batch.
        num_workers: processes of the loader.
    """

    def __init__(self, dataset: Dataset[Any], sampler: ShardedBatchSampler, num_workers: int) -> None:
        super().__init__(sampler)
        self.dataset, self.num_workers = dataset, num_workers

    def load(self, batches: Iterable[Index], first: int) -> Iterator[tuple[Any, ...]]:
        items = KeyedItems(self.dataset, self.sampler.seed, self.sampler.epoch)
        indices = [list(range(rows.start, rows.stop)) if isinstance(rows, slice) else rows.tolist() for rows in batches]
        # A generator of its own, because the loader would draw a seed for its processes from everybody's.
        yield from DataLoader(items, batch_sampler=indices, num_workers=self.num_workers, generator=torch.Generator())
