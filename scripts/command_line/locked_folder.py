"""A folder that one run at a time writes to."""

import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from command_line.whole_files import write_json


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Keep other runs out of a folder until the block ends, or the process does; the folder above it is made.

    Two runs that go on from the same checkpoint would write the same files in turn, and each would find the other's.

    Raises:
        FileExistsError: a run is going on there; says whose it is.
        OSError: the folder above cannot be written.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(lock_of(folder))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise FileExistsError(
            f"{folder} is in use by {_holder(folder)}: wait until it is over, or stop it; a run without --ckpt_path has a "
            "folder of its own"
        ) from None
    try:
        since = datetime.now().astimezone().isoformat(" ", "seconds")
        write_json(holder_of(folder), {"process": os.getpid(), "machine": platform.node(), "since": since})
        yield
    finally:
        with suppress(OSError):  # all may be gone
            holder_of(folder).unlink()
        with suppress(OSError):
            lock_of(folder).unlink()  # by its holder: who has opened it meanwhile sees that it is gone, and opens a new one
        lock.release()


def lock_of(folder: Path) -> Path:
    """The file that is locked, beside the folder, which stays empty until the run writes to it.

    The system gives up the lock of a process that is killed.
    """
    return folder.with_name(f".{folder.name}.lock")


def holder_of(folder: Path) -> Path:
    """The file that says who holds the lock, for as long as it is held."""
    return folder.with_name(f".{folder.name}.running.json")


def _holder(folder: Path) -> str:
    try:
        held = json.loads(holder_of(folder).read_text(encoding="utf-8"))
        return f"a run that goes on since {held['since']} (process {held['process']} on {held['machine']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another run"
