"""Which rows make up each batch, on each process."""

import math
from collections.abc import Iterator

import torch
from torch.utils.data import Sampler

from datamodules.serving.row_order import RowOrder

Index = torch.Tensor | slice


class ShardedBatchSampler(Sampler[Index]):
    """Batches of row indices; with several processes each takes its share of *the same* batch.

    Every row appears exactly once per epoch over all processes: nothing is padded, repeated or dropped, so shards can be
    uneven and a share can be empty. The order (`row_order.py`) depends on (seed, epoch) only, not on the number of processes.
    No more than a batch of it is in memory where there are many rows.

    Args:
        num_rows: n.
        batch_size: rows of a batch over all processes; None for all rows in one batch.
        shuffle: a new order each epoch.
        seed: of the order.
        rank: this process.
        world_size: number of processes.
    """

    def __init__(
        self,
        num_rows: int,
        batch_size: int | None,
        *,
        shuffle: bool = False,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.num_rows, self.batch_size = num_rows, batch_size or num_rows
        # In one batch of all rows the order changes nothing but the rounding.
        self.shuffle = shuffle and self.batch_size < num_rows
        self.seed, self.rank, self.world_size, self.epoch = seed, rank, world_size, 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning at the start of each epoch, also after a resume."""
        self.epoch = epoch

    def __len__(self) -> int:
        return math.ceil(self.num_rows / self.batch_size)

    def __iter__(self) -> Iterator[Index]:
        return self.from_batch(0)

    def from_batch(self, first: int) -> Iterator[Index]:
        """The batches of the epoch from that one on: none of those before is looked at."""
        if len(self) == 1:
            yield from [self.share][first:]  # a view of the rows, not a copy
            return
        order = RowOrder(self.num_rows, self.seed, self.epoch) if self.shuffle else None
        for start in range(first * self.batch_size, self.num_rows, self.batch_size):
            share = share_of_process(min(self.batch_size, self.num_rows - start), self.rank, self.world_size)
            own = start + share.start, start + share.stop
            yield torch.arange(*own) if order is None else order.rows(*own)

    def shares_of_batch(self, number: int) -> list[int]:
        """Rows on each process of an epoch's batch, counted from 0."""
        rows = min(self.batch_size, self.num_rows - number * self.batch_size)
        shares = (share_of_process(rows, rank, self.world_size) for rank in range(self.world_size))
        return [share.stop - share.start for share in shares]

    @property
    def share(self) -> slice:
        """This process's part of all rows, in their own order."""
        return share_of_process(self.num_rows, self.rank, self.world_size)


def share_of_process(rows: int, rank: int, world_size: int) -> slice:
    """A process's part of so many rows: neighbours, since memory is read in pieces longer than a row."""
    return slice(rank * rows // world_size, (rank + 1) * rows // world_size)
