"""Batches that know which they are, so that what is random about them can be drawn anew exactly."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import torch

from datamodules.serving.batch_sampler import Index, share_of_process
from datamodules.serving.mixed_seed import mixed_seed
from datamodules.serving.tensor_batches import TensorBatches


class BatchKey(NamedTuple):
    """Identity of a batch, the same on every process but for `rank`.

    Attributes:
        seed, epoch, batch: what its randomness depends on, and nothing else.
        rows: rows of the whole batch.
        rank, world_size: which share of it this process holds.
    """

    seed: int
    epoch: int
    batch: int
    rows: int
    rank: int
    world_size: int

    def generator(self) -> torch.Generator:
        """Randomness of the whole batch: every process draws all of it and takes its share."""
        return torch.Generator().manual_seed(mixed_seed(self.seed, self.epoch, self.batch))

    @property
    def share(self) -> slice:
        """This process's rows of the batch."""
        return share_of_process(self.rows, self.rank, self.world_size)


class KeyedBatches(TensorBatches):
    """`TensorBatches` with a `BatchKey` as the last part of every batch."""

    def whole(self) -> None:
        """What is random about a batch has no value for all rows at once."""

    def load(self, batches: Iterable[Index], first: int) -> Iterator[tuple[Any, ...]]:
        sampler = self.sampler
        for batch, tensors in enumerate(super().load(batches, first), first):
            rows = min(sampler.batch_size, sampler.num_rows - batch * sampler.batch_size)
            key = BatchKey(sampler.seed, sampler.epoch, batch, rows, sampler.rank, sampler.world_size)
            yield (*tensors, key)
