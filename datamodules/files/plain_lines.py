"""A text file without what is none of its table, read by the byte."""

import io
from pathlib import Path
from typing import Any

from datamodules.files.compression import open_bytes


class PlainLines(io.RawIOBase):
    """UTF-8, from a line on, without comments; cells that blanks align are separated by one.

    Args:
        path: the file.
        encoding: Python's name of its encoding.
        skipped: lines to leave out at the beginning, after comments are gone.
        comment: what begins a comment; "" = there are none.
        is_aligned: whether several blanks stand for one.
    """

    def __init__(self, path: Path, encoding: str, skipped: int, comment: str, is_aligned: bool) -> None:
        self._lines = io.TextIOWrapper(io.BufferedReader(_Raw(path)), encoding, newline="")
        self._skipped, self._comment, self._is_aligned = skipped, comment, is_aligned
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        while not self._left:
            line = self._lines.readline()
            if not line:
                return 0
            if (self._comment and line.startswith(self._comment)) or not line.strip(" \r\n"):
                continue
            if self._skipped:
                self._skipped -= 1
                continue
            self._left = (" ".join(line.split()) + "\n" if self._is_aligned else line).encode()
        size = min(len(view), len(self._left))
        view[:size] = self._left[:size]
        self._left = self._left[size:]
        return size

    def close(self) -> None:
        self._lines.close()
        super().close()


class _Raw(io.RawIOBase):
    """Arrow's file as one of Python's."""

    def __init__(self, path: Path) -> None:
        self._file = open_bytes(path)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        piece = self._file.read(len(view))
        view[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        self._file.close()
        super().close()
