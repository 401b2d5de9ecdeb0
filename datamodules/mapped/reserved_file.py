"""A file of zeros, mapped into memory."""

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np


def reserve(path: Path, shape: tuple[int, ...], dtype: type) -> "np.memmap[Any, Any]":
    """Numbers of 8 bytes each. A disk too small says so here, not by a bus error at the write that would fill it.

    Raises:
        OSError: the disk is too small.
    """
    needed, free = 8 * int(np.prod(shape)), shutil.disk_usage(path.parent).free
    if needed > free:
        raise OSError(
            f"{path.parents[1]}: the memory-mapped table takes {needed / 1e9:.3g} GB and {free / 1e9:.3g} GB are free: make "
            "room, or give another folder as memory_map"
        )
    array: np.memmap[Any, Any] = np.lib.format.open_memmap(path, "w+", np.dtype(dtype), shape)
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array
