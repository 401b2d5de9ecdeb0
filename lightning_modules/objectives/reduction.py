"""Sums over the rows that several processes hold."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
import torch.distributed as dist
from torch import Tensor

from lightning_modules.counting import counted


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


class ReductionOfBatch(Reduction):
    """Sums over processes whose rows of a batch are known beforehand, so that nobody has to ask how many there are.

    With the first sum goes the count of the rows: if it is another than what was known, each process refuses it, at the same
    place, instead of dividing by it.

    Args:
        reduction: sums over processes.
        shares: rows of the batch on each process, the same list on all of them, none of them 0.
    """

    def __init__(self, reduction: Reduction, shares: Sequence[int]) -> None:
        if len(shares) != reduction.num_processes or min(shares) < 1:
            raise ValueError(
                f"shares={list(shares)}: give each of the "
                f"{counted(reduction.num_processes, 'process', 'processes')} a number ≥ 1"
            )
        self._reduction, self._shares = reduction, list(shares)
        self._unchecked: tuple[int, int] | None = None

    def rows_of_each(self, rows: int) -> list[int]:
        """Rows on each process where this one has so many: its share of the batch, or a multiple of that, as two views are."""
        times = max(1, rows // self._shares[self.rank])
        counts = [times * share for share in self._shares]
        self._unchecked = rows, sum(counts)
        return counts

    def __call__(self, local_sum: Tensor) -> Tensor:
        if self._unchecked is None:
            return self._reduction(local_sum)
        (own, expected), self._unchecked = self._unchecked, None
        numbers = local_sum.reshape(-1)
        numbers = numbers if numbers.element_size() > 2 else numbers.float()  # 16 bits count to 2048
        total = self._reduction(torch.cat([numbers, numbers.new_tensor([own])]))
        self._check(total[-1], expected)
        return total[:-1].view(local_sum.shape).to(local_sum.dtype)

    def _check(self, rows: Tensor, expected: int) -> None:
        # As exact as the type of the sums is.
        is_known = (rows - expected).abs() <= expected * (torch.finfo(rows.dtype).eps if rows.is_floating_point() else 0)
        if rows.device.type != "cpu":
            torch._assert_async(is_known)
        elif not is_known:
            raise ValueError(
                f"the loader says that a batch has {counted(int(expected))} over all processes, and there "
                f"are {int(rows)}: give each "
                "process the rows that `shares_of_batch` of the loader says, or a loader that has no such method"
            )

    @property
    def num_processes(self) -> int:
        return self._reduction.num_processes

    @property
    def rank(self) -> int:
        return self._reduction.rank


def rows_of_each(rows: int, reduction: Reduction, device: torch.device) -> list[int]:
    """How many rows of a batch each process has, this one `rows`: as is known of it, else by a message."""
    if isinstance(reduction, ReductionOfBatch):
        return reduction.rows_of_each(rows)
    if reduction is this_process:
        return [rows]
    counts: list[int] = of_each_process(torch.tensor(rows, device=device), reduction).tolist()
    return counts


def total_rows(rows: int, reduction: Reduction, device: torch.device) -> int:
    """The sum of `rows_of_each`."""
    if isinstance(reduction, ReductionOfBatch):
        return sum(reduction.rows_of_each(rows))
    return total_count(rows, reduction, device)


def total_count(count: int, reduction: Reduction, device: torch.device) -> int:
    """The sum of a count over processes; where there is one process, without a tensor and without a wait for its device."""
    return count if reduction is this_process else int(reduction(torch.tensor(count, device=device)))


def of_each_process(own: Tensor, reduction: Reduction) -> Tensor:
    """What each process holds, without a rounding: (…) -> (processes, …), the same on all."""
    if reduction is this_process:
        return own[None]
    slots = own.new_zeros(reduction.num_processes, *own.shape)
    slots[reduction.rank] = own
    return reduction(slots)


def joined_rows(own: Tensor, reduction: Reduction) -> Tensor:
    """The rows that all processes hold, those of the first process first, without a rounding: (n, …) -> (N, …), the same on
    all."""
    if reduction is this_process:
        return own
    counts = rows_of_each(len(own), reduction, own.device)
    rows, start = own.new_zeros(sum(counts), *own.shape[1:]), sum(counts[: reduction.rank])
    rows[start : start + len(own)] = own
    return reduction(rows)
