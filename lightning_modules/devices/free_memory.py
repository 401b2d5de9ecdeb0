"""How much memory a device has left, as far as the system tells."""

from pathlib import Path

import torch

MEMORY = Path("/proc/meminfo")
# Of a container: its limit, and what it uses.
LIMIT, USED = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")


def free_bytes(device: torch.device) -> int | None:
    """Bytes that can still be taken; None where nobody says."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    if device.type != "cpu":
        return None
    known = [found for found in (_of_machine(), _of_container()) if found is not None]
    return min(known) if known else None


def _of_machine() -> int | None:
    try:
        lines = MEMORY.read_text().splitlines()
    except OSError:  # not Linux
        return None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")), None)


def _of_container() -> int | None:
    try:
        limit, used = LIMIT.read_text().strip(), USED.read_text().strip()
    except OSError:
        return None
    return int(limit) - int(used) if limit.isdigit() and used.isdigit() else None
