"""The rows of all processes, of which each holds some or none."""

import torch
import torch.distributed as dist
from torch import Tensor


def joined_rows(rows: dict[str, Tensor]) -> dict[str, Tensor]:
    """Join the rows (n_r, …) that each process r holds, n_r ≥ 0, in the order of the processes: -> (Σ n_r, …).

    torchmetrics sums over processes by itself, but refuses an update by no rows, and a process that was never updated
    sends a list of another type and shape: the last batch of an evaluation can be smaller than the number of processes.

    Two messages, whatever there is of a row: how many rows each process has, and then their bytes side by side.
    """
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return rows
    first = next(iter(rows.values()))
    sizes = first.new_zeros(dist.get_world_size(), dtype=torch.int64)
    sizes[dist.get_rank()] = len(first)
    dist.all_reduce(sizes)
    counts: list[int] = sizes.tolist()
    own = [_bytes_of(part) for part in rows.values()]
    joined = _joined(torch.cat(own, 1), counts).split([part.shape[1] for part in own], 1)
    return {
        name: some.contiguous().view(part.dtype).view(len(some), *part.shape[1:])
        for (name, part), some in zip(rows.items(), joined, strict=True)
    }


def _bytes_of(rows: Tensor) -> Tensor:
    """The numbers of each row, (n, …) of any type -> (n, bytes)."""
    row_bytes = rows.element_size() * rows.shape[1:].numel()
    return rows.detach().contiguous().view(torch.uint8).view(len(rows), row_bytes)


def _joined(rows: Tensor, counts: list[int]) -> Tensor:
    """(n_r, bytes) -> (Σ n_r, bytes); a message has the same size on every process, so that shares are filled up."""
    padded = rows.new_zeros(max(counts), rows.shape[1])
    padded[: len(rows)] = rows
    parts = [torch.empty_like(padded) for _ in counts]
    dist.all_gather(parts, padded)
    return torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])
