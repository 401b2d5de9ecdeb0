"""Batches that know where in the epoch they stand, so that a run stopped there goes on with the next one."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any

from datamodules.serving.batch_sampler import Index, ShardedBatchSampler


class ResumableBatches(ABC):
    """Iterates over the batches of an epoch; `state_dict` says how many were handed out, `load_state_dict` skips those.

    It presents itself to Lightning like a `DataLoader` without automatic batching – a `sampler` that yields whole batches
    and no `batch_sampler` – so that Lightning sets the sampler's epoch, keeps the state in checkpoints, and replaces nothing.

    Args:
        sampler: which rows make up each batch.
    """

    batch_sampler = None

    def __init__(self, sampler: ShardedBatchSampler) -> None:
        self.sampler = sampler
        self._handed_out = self._skipped = {"epoch": 0, "batches": 0}

    @abstractmethod
    def load(self, batches: Iterable[Index], first: int) -> Iterator[tuple[Any, ...]]:
        """The batches of these rows, the first of which is the epoch's batch number `first`."""

    def __len__(self) -> int:
        return len(self.sampler)

    def shares_of_batch(self, number: int) -> list[int]:
        """Rows on each process of an epoch's batch, counted from 0, for a model that need not ask the other processes then."""
        return self.sampler.shares_of_batch(number)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        epoch, skipped = self.sampler.epoch, self._skipped
        self._skipped = {"epoch": 0, "batches": 0}  # once: who iterates again wants all batches
        # Of a finished epoch nothing is left to go on with: the next one, and who reads this one again, start at the beginning.
        first = skipped["batches"] if skipped["epoch"] == epoch and skipped["batches"] < len(self) else 0
        for number, batch in enumerate(self.load(self.sampler.from_batch(first), first), first):
            self._handed_out = {"epoch": epoch, "batches": number + 1}
            yield batch

    def state_dict(self) -> dict[str, int]:
        """Epoch, and number of its batches handed out."""
        return dict(self._handed_out)

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Let the next iteration over that epoch begin where it was left."""
        self._handed_out = self._skipped = dict(state_dict)
