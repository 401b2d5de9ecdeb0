"""Sums over the rows that several processes hold."""

from collections.abc import Callable

import torch
import torch.distributed as dist
from torch import Tensor

# Takes this process's sum, returns the sum over all processes. Every process must call it the same number of times.
Reduction = Callable[[Tensor], Tensor]


def this_process(local_sum: Tensor) -> Tensor:
    """The rows are all here: nothing to add."""
    return local_sum


def all_processes(local_sum: Tensor) -> Tensor:
    """Sum over the processes of the default group, the same bytes on each of them.

    Sums and counts are reduced, never means: a mean of per-process means is wrong when the shards are uneven.
    `torch.autograd.grad` and the closed forms bypass the hooks of DistributedDataParallel, so this is the only reduction.
    """
    total = local_sum.clone()
    dist.all_reduce(total)
    return total


def total_count(count: int, reduction: Reduction, device: torch.device) -> int:
    """The sum of a count over processes; where there is one process, without a tensor and without a wait for its device."""
    return count if reduction is this_process else int(reduction(torch.tensor(count, device=device)))
