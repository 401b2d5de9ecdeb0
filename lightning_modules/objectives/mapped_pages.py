"""Pages of memory-mapped rows are given back while the rows are read, so that a process never holds many of them.

The kernel lends a page of the file to whoever reads it, and counts it as memory of the process until it needs it for somebody
else, which on a machine with enough memory is never: a process would seem to hold the whole file, and a scheduler that looks
at it might end it. A page that was given back is still in the kernel's cache, and read again from there.
"""

import ctypes
import mmap
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, ClassVar
from weakref import WeakKeyDictionary, WeakSet

from torch import Tensor, UntypedStorage

MAPS = Path("/proc/self/maps")
# So many bytes are held at most; of smaller tensors all pages stay.
HELD_BYTES = 2**26
# Rows that are looked at for nothing but to be checked or summed, a piece at a time.
PIECE_ROWS = 2**17
# Where a storage begins and the mapping that it lies in, as long as it lives: the kernel takes milliseconds to list them all.
_FOUND: "WeakKeyDictionary[UntypedStorage, tuple[int, range | None]]" = WeakKeyDictionary()


class MappedPages:
    """The pages of some tensors, given back whenever `HELD_BYTES` have been read of these and all others that are watched.

    Of tensors that are no mapped files, and on systems that do not tell, nothing is given back.

    Args:
        tensors: whose rows are read.
    """

    _watched: ClassVar["WeakSet[MappedPages]"] = WeakSet()
    _read: ClassVar[int] = 0  # of all

    def __init__(self, *tensors: Tensor) -> None:
        self._ranges = [place for tensor in tensors if tensor.device.type == "cpu" and (place := _mapped(tensor)) is not None]
        if self._ranges:
            MappedPages._watched.add(self)

    def was_read(self, *rows: Tensor) -> None:
        """Some rows of the tensors are read, now or just before; it makes no difference which of several threads says so."""
        if not self._ranges:
            return
        MappedPages._read += sum(_extent(part) for part in rows)
        if MappedPages._read >= HELD_BYTES:
            MappedPages._read = 0
            for pages in list(MappedPages._watched):
                pages.give_back()

    def give_back(self) -> None:
        """Hold none of the pages any more."""
        for start, length in self._ranges:
            _c_library().madvise(ctypes.c_void_p(start), ctypes.c_size_t(length), mmap.MADV_DONTNEED)


def pieces(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Row-aligned tensors (n, …), some rows at a time, at least once: views (m, …)."""
    if len(tensors[0]) <= PIECE_ROWS and all(map(_is_small, tensors)):
        yield tensors
        return
    pages = MappedPages(*tensors)
    for parts in zip(*(tensor.split(PIECE_ROWS) for tensor in tensors), strict=True):
        yield parts
        pages.was_read(*parts)
    pages.give_back()


def _extent(rows: Tensor) -> int:
    """Bytes from the first number to the last: of every k-th row the pages between them are touched as well."""
    if rows.numel() == 0:
        return 0
    steps = sum((size - 1) * stride for size, stride in zip(rows.shape, rows.stride(), strict=True))
    return (steps + 1) * rows.element_size()


def _is_small(tensor: Tensor) -> bool:
    """Whether all pages of a tensor may stay."""
    return _extent(tensor) <= HELD_BYTES


def _mapped(tensor: Tensor) -> tuple[int, int] | None:
    """(address, bytes) of the whole pages in which a tensor lies, if they can be given back without a loss.

    They can where the kernel calls the mapping shared: then the file, and not the process, has the numbers.
    """
    if _is_small(tensor) or not hasattr(mmap, "MADV_DONTNEED") or not MAPS.exists():
        return None
    storage, first, size = tensor.untyped_storage(), tensor.data_ptr(), _extent(tensor)
    begin, found = _FOUND.get(storage, (0, None))
    if begin != storage.data_ptr():
        begin, found = _FOUND[storage] = storage.data_ptr(), _shared_mapping(storage.data_ptr())
    if found is None or first + size > found.stop:
        return None
    page = first // mmap.PAGESIZE * mmap.PAGESIZE
    return page, first + size - page


def _shared_mapping(address: int) -> range | None:
    """The addresses of the shared mapping of a file that an address lies in; None if it is in no such mapping."""
    for line in MAPS.read_text().splitlines():
        place, access, _, _, inode = line.split(maxsplit=5)[:5]
        start, end = (int(bound, 16) for bound in place.split("-"))
        if start <= address < end:
            return range(start, end) if access[3] == "s" and inode != "0" else None
    return None


@cache
def _c_library() -> Any:
    return ctypes.CDLL(None, use_errno=True)
