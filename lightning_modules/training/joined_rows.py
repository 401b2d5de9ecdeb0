"""The rows of all processes, of which each holds some or none."""

import torch
import torch.distributed as dist
from torch import Tensor


def joined_rows(rows: dict[str, Tensor]) -> dict[str, Tensor]:
    """Join the rows (n_r, …) that each process r holds, n_r ≥ 0, in the order of the processes: -> (Σ n_r, …).

    torchmetrics sums over processes by itself, but refuses an update by no rows, and a process that was never updated
    sends a list of another type and shape: the last batch of an evaluation can be smaller than the number of processes.
    """
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return rows
    first = next(iter(rows.values()))
    sizes = [torch.zeros((), dtype=torch.int64, device=first.device) for _ in range(dist.get_world_size())]
    dist.all_gather(sizes, torch.tensor(len(first), device=first.device))
    counts = [int(size) for size in sizes]
    return {name: _joined(part, counts) for name, part in rows.items()}


def _joined(rows: Tensor, counts: list[int]) -> Tensor:
    padded = rows.new_zeros(max(counts), *rows.shape[1:])
    padded[: len(rows)] = rows
    parts = [torch.empty_like(padded) for _ in counts]
    dist.all_gather(parts, padded)
    return torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])
