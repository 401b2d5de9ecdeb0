"""The checksums of a copy: a file that is not what was written, to the last bit, is found before anything is read from it.

They are CRC-32, of the standard library, of every 16 MiB of a file: in a piece of that length any three bits that have turned
are found for certain, as is any damage that spans no more than 32 bits, and other damage but for one time in 2^32.
"""

import json
import zlib
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from datamodules.files.progress_bar import with_progress_bar

ABOUT = "about.json"
PIECE_BYTES = 2**24
FILES, CHECKSUM = "files", "checksum"


def sealed(about: dict[str, Any], folder: Path, names: Sequence[str]) -> dict[str, Any]:
    """What is to be known of a copy, with the checksums of its files and of itself.

    Args:
        about: the rest of it, plain.
        folder: of the copy.
        names: of the files.
    """
    whole = about | {FILES: {name: [piece for piece, _ in _checksums(folder, [name])] for name in names}}
    return whole | {CHECKSUM: _own_checksum(whole)}


def check_seal(folder: Path, table: Path) -> dict[str, Any]:
    """What there is to know of a copy, all of which has been read, with a progress bar, and is as it was written.

    Args:
        folder: of the copy.
        table: what it is a copy of, for the error.

    Raises:
        ValueError: a file of it is damaged, or missing; says which, and what to do.
    """
    try:
        about = _about(folder)
        expected = [(piece, name) for name, pieces in about[FILES].items() for piece in pieces]
        found = with_progress_bar("checking", _checksums(folder, list(about[FILES])), len(expected), lambda _: 1, "pieces")
        for was, now in zip_longest(expected, found):
            if was != now:
                _, name = was or now
                raise _DamageError(folder / name, "it is not what was written")
    except _DamageError as damage:
        raise ValueError(
            f"{damage.file}: {damage.what}, so the memory-mapped copy of {table} is damaged: delete the folder {folder}; it is "
            "made anew"
        ) from damage.__cause__
    return about


class _DamageError(Exception):
    def __init__(self, file: Path, what: str) -> None:
        super().__init__(what)
        self.file, self.what = file, what


def _about(folder: Path) -> dict[str, Any]:
    path = folder / ABOUT
    try:
        text = path.read_text(encoding="utf-8")
        about = json.loads(text)
    except OSError as error:
        raise _DamageError(path, f"it cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise _DamageError(path, "it is not what was written") from error
    rest = {name: value for name, value in about.items() if name != CHECKSUM} if isinstance(about, dict) else {}
    # The text as well: a bit that has turned in what means nothing is damage all the same.
    if FILES not in rest or about.get(CHECKSUM) != _own_checksum(rest) or text != json.dumps(about):
        raise _DamageError(path, "it is not what was written")
    return dict(about)


def _own_checksum(about: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(about).encode())


def _checksums(folder: Path, names: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Of each piece of the files, one after another, with the name of its file; one of an empty file."""
    buffer = bytearray(PIECE_BYTES)
    view = memoryview(buffer)
    for name in names:
        try:
            with (folder / name).open("rb", buffering=0) as file:
                size = _filled(file, view)
                yield zlib.crc32(view[:size]), name
                while size == PIECE_BYTES and (size := _filled(file, view)):
                    yield zlib.crc32(view[:size]), name
        except OSError as error:
            raise _DamageError(folder / name, f"it cannot be read ({error.strerror})") from error


def _filled(file: Any, view: memoryview) -> int:
    """Read until the buffer is full, or the file at its end; so many bytes."""
    size = 0
    while size < len(view) and (more := file.readinto(view[size:])):
        size += more
    return size
