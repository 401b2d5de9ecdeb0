"""The next free folder version_0, version_1, … of a report."""

from pathlib import Path


def next_version(folder: Path) -> Path:
    """The first in a folder that does not exist."""
    number = 0
    while (folder / f"version_{number}").exists():
        number += 1
    return folder / f"version_{number}"
