"""Pages of a mapped file that are read or written are given back, so that a process never holds many of them.

The kernel counts a page as memory of the process that touched it until it needs the page for somebody else. The numbers are
the file's, not the process's: nothing is lost, and what is touched again comes from the kernel's cache.
"""

import mmap
from typing import Any

import numpy as np

# So many bytes of all files together that one of these watches are held at most.
HELD_BYTES = 2**25


class GivenBack:
    """Gives back the pages of some mapped arrays whenever `HELD_BYTES` of them have been touched.

    Args:
        arrays: views of memory-mapped files; what is none of a file stays as it is.
    """

    def __init__(self, *arrays: Any) -> None:
        self._maps = list({id(found): found for array in arrays if (found := mapping_of(array)) is not None}.values())
        self._touched = 0

    def touched(self, size: int) -> None:
        """So many bytes were read or written."""
        self._touched += size
        if self._touched >= HELD_BYTES:
            self.give_back()

    def give_back(self) -> None:
        """Hold none of the pages any more."""
        self._touched = 0
        if hasattr(mmap, "MADV_DONTNEED"):
            for each in self._maps:
                each.madvise(mmap.MADV_DONTNEED)


def mapping_of(array: Any) -> mmap.mmap | None:
    """The map of a file in which an array lies; None of an array in memory."""
    while array is not None and not isinstance(array, np.memmap):
        array = getattr(array, "base", None)
    return None if array is None else array._mmap  # type: ignore[attr-defined]
