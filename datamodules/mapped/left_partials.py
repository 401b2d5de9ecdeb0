"""Copies that a process was making when it was killed are removed by the next one that makes or opens any in that folder."""

import shutil
from pathlib import Path

from filelock import FileLock, Timeout


def remove_left(folder: Path) -> None:
    """Remove every unfinished copy that nobody is making any more: whoever makes one holds its lock."""
    for partial in folder.glob(".*-*.partial"):
        name = partial.name.rpartition("-")[0]
        try:
            with FileLock(folder / f"{name}.lock", timeout=0):
                shutil.rmtree(partial, ignore_errors=True)
        except Timeout:
            continue
