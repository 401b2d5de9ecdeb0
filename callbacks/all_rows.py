"""The rows of all processes."""

import torch
import torch.distributed as dist
from torch import Tensor


def all_rows(rows: Tensor) -> Tensor:
    """Join the rows (n_r, …) that each process r holds, in the order of the processes: -> (Σ n_r, …).

    The shares may be uneven, which `all_gather` does not take: each is padded to the longest and cut afterwards.
    """
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return rows
    sizes = [torch.zeros((), dtype=torch.int64, device=rows.device) for _ in range(dist.get_world_size())]
    dist.all_gather(sizes, torch.tensor(len(rows), device=rows.device))
    padded = rows.new_zeros(int(max(sizes)), *rows.shape[1:])
    padded[: len(rows)] = rows
    parts = [torch.empty_like(padded) for _ in sizes]
    dist.all_gather(parts, padded)
    return torch.cat([part[: int(size)] for part, size in zip(parts, sizes, strict=True)])
