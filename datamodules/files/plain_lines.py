"""A text file without what is none of its table, read by the byte."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from datamodules.files.compression import open_bytes
from datamodules.files.records import is_empty
from datamodules.files.text_format import TextFormat


class PlainLines(io.RawIOBase):
    """UTF-8, from the first row on, without comments; cells that blanks align are separated by one.

    Args:
        path: the file.
        form: of it.
    """

    def __init__(self, path: Path, form: TextFormat) -> None:
        self._lines = io.TextIOWrapper(io.BufferedReader(_Raw(path)), form.encoding, newline="")
        self._form, self._kept = form, self._rows()
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        while not self._left:
            row = next(self._kept, None)
            if row is None:
                return 0
            self._left = row.encode()
        size = min(len(view), len(self._left))
        view[:size] = self._left[:size]
        self._left = self._left[size:]
        return size

    def _rows(self) -> Iterator[str]:
        form, division = self._form, self._form.division
        for _ in range(form.skipped):
            self._lines.readline()
        while line := self._lines.readline():
            if is_empty(line) or division.is_comment(line, form.comment, form.width):
                continue
            taken = [line]
            if division.quote in line:  # what looks like a comment within quotes is none
                next(division.reader(self._until_the_end(taken)))
            yield "".join(map(division.tidied, taken))

    def _until_the_end(self, taken: list[str]) -> Iterator[str]:
        """The line that is taken already, and as many of the next ones as are asked for, which are taken too."""
        yield taken[0]
        while line := self._lines.readline():
            taken.append(line)
            yield line

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
