"""Sums over the rows that several processes hold."""

from abc import ABC, abstractmethod

import torch
import torch.distributed as dist
from torch import Tensor


class Reduction(ABC):
    """Takes this process's sum, returns the sum over all processes. Every process must call it the same number of times.

    Sums and counts are reduced, never means: a mean of per-process means is wrong when the shards are uneven.
    `torch.autograd.grad` and the closed forms bypass the hooks of DistributedDataParallel, so this is the only reduction.
    """

    @abstractmethod
    def __call__(self, local_sum: Tensor) -> Tensor:
        """The sum over all processes, the same bytes on each of them."""

    @property
    @abstractmethod
    def num_processes(self) -> int:
        """How many there are."""

    @property
    @abstractmethod
    def rank(self) -> int:
        """Which of them this one is, from 0."""


class _ThisProcess(Reduction):
    """The rows are all here: nothing to add."""

    num_processes, rank = 1, 0

    def __call__(self, local_sum: Tensor) -> Tensor:
        return local_sum


class _AllProcesses(Reduction):
    """Sums over the processes of the default group."""

    def __call__(self, local_sum: Tensor) -> Tensor:
        total = local_sum.clone()
        dist.all_reduce(total)
        return total

    @property
    def num_processes(self) -> int:
        return dist.get_world_size()

    @property
    def rank(self) -> int:
        return dist.get_rank()


this_process, all_processes = _ThisProcess(), _AllProcesses()


def total_count(count: int, reduction: Reduction, device: torch.device) -> int:
    """The sum of a count over processes; where there is one process, without a tensor and without a wait for its device."""
    return count if reduction is this_process else int(reduction(torch.tensor(count, device=device)))


def rows_before(count: int, reduction: Reduction, device: torch.device) -> int:
    """How many of all rows stand before this process's `count` of them, the processes taken in order."""
    if reduction is this_process:
        return 0
    counts = of_each_process(torch.tensor(count, device=device), reduction)
    return int(counts[: reduction.rank].sum())


def of_each_process(own: Tensor, reduction: Reduction) -> Tensor:
    """What each process holds, without a rounding: (…) -> (processes, …), the same on all."""
    if reduction is this_process:
        return own[None]
    slots = own.new_zeros(reduction.num_processes, *own.shape)
    slots[reduction.rank] = own
    return reduction(slots)
