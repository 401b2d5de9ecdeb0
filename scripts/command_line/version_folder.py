"""The folder of a report: the one that is asked for, or the next free version_0, version_1, …"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def report_folder(asked: str | None, versions: Path) -> Iterator[Path]:
    """The folder asked for, or a new one in `versions`, taken by making it, so that no other program takes it meanwhile.

    Of a new one without a file when the block ends nothing stays.
    """
    if asked is not None:
        yield Path(asked)
        return
    number, missing = 0, [parent for parent in (versions, *versions.parents) if not parent.exists()]
    while True:
        folder = versions / f"version_{number}"
        try:
            folder.mkdir(parents=True)
            break
        except FileExistsError:
            number += 1
    try:
        yield folder
    finally:
        with suppress(OSError):  # there is a report in it, or in the next above
            within = sorted(folder.rglob("*"), reverse=True)
            if not any(path.is_file() for path in within):
                for empty in (*within, folder, *missing):
                    empty.rmdir()
