"""Whether there is memory for a problem, asked before it is made: an allocation that is too large ends the process."""

from pathlib import Path

MEMORY = Path("/proc/meminfo")
# What a container may take, and takes: of version 2 of Linux's control groups, and of version 1.
CONTAINERS = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"), Path("/sys/fs/cgroup/memory/memory.usage_in_bytes")),
)


def available_bytes() -> int | None:
    """Memory that this process may still take, of the machine and of its container; None where nobody says, not on Linux."""
    if not MEMORY.exists():
        return None
    (line,) = [line for line in MEMORY.read_text().splitlines() if line.startswith("MemAvailable")]
    least = 1024 * int(line.split()[1])
    for most, taken in CONTAINERS:
        if most.exists() and taken.exists() and (limit := most.read_text().strip()) != "max":
            least = min(least, max(0, int(limit) - int(taken.read_text())))
    return least


def lack_of_memory(needed: int) -> str | None:
    """What to say where so many bytes are not there; None where they are, or nobody knows."""
    free = available_bytes()
    if free is None or needed <= free:
        return None
    return f"skipped, it takes {needed / 1e9:.3g} GB of memory and {free / 1e9:.3g} GB are free"
