"""Memory that a step frees is kept for the next one.

The C library gives large pieces back to the system, which has to clear each page again when it is asked for more: a quarter of
the time of a step of a convolutional network. Pieces above 32 MiB it gives back still.
"""

import ctypes
import os
import sys

# Of glibc's malloc.h: above which size a piece is of its own, and how much may lie free at the end of the heap.
MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1
LARGEST_PIECE, MOST_FREE = 2**25, 2**30
# Who has set it himself knows what he wants.
SET_BY_USER = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES", "LD_PRELOAD")


def keep_freed_memory() -> None:
    """Ask glibc for it; elsewhere nothing is done."""
    if not sys.platform.startswith("linux") or any(name in os.environ for name in SET_BY_USER):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(MMAP_THRESHOLD, LARGEST_PIECE)
        mallopt(TRIM_THRESHOLD, MOST_FREE)
