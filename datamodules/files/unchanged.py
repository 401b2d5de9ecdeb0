"""Files that are read several times must be the same every time."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def unchanged(paths: Sequence[Path]) -> Iterator[None]:
    """What is done inside counts only if none of the files changes meanwhile; what goes wrong then is said to be that.

    Raises:
        ValueError: names the file that has changed.
    """
    before = [state(path) for path in paths]
    try:
        yield
    except Exception as error:
        _check(paths, before, error)
        raise
    _check(paths, before, None)


def state(path: Path) -> tuple[int, int] | None:
    """Size and time of the last change; None if there is no such file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def _check(paths: Sequence[Path], before: list[tuple[int, int] | None], cause: Exception | None) -> None:
    for path, was in zip(paths, before, strict=True):
        if state(path) != was:
            raise ValueError(f"{path} has changed while it was read: start again when it is whole") from cause
