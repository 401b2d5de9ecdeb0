"""How much of mapped files a process holds: of those that a test reads, and of libraries that are loaded meanwhile."""

from pathlib import Path

STATUS = Path("/proc/self/status")


def held_bytes() -> int:
    """By this process."""
    (line,) = [line for line in STATUS.read_text().splitlines() if line.startswith("RssFile")]
    return 1024 * int(line.split()[1])
