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

# The system gives up the lock of a process that is killed; who holds it is in a file beside it.
LOCK, HOLDER = ".lock", "running.json"


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Keep other runs out of a folder, which is made, until the block ends or the process does.

    Two runs that go on from the same checkpoint would write the same files in turn, and each would find the other's.

    Raises:
        FileExistsError: a run is going on there; says whose it is.
        OSError: the folder cannot be written.
    """
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise FileExistsError(
            f"{folder} is in use by {_holder(folder)}: wait until it is over, or stop it; a run without --ckpt_path has a "
            "folder of its own"
        ) from None
    try:
        since = datetime.now().astimezone().isoformat(" ", "seconds")
        write_json(folder / HOLDER, {"process": os.getpid(), "machine": platform.node(), "since": since})
        yield
    finally:
        with suppress(OSError):  # the folder may be gone
            (folder / HOLDER).unlink()
        with suppress(OSError):
            (folder / LOCK).unlink()  # by its holder: who has opened it meanwhile sees that it is gone, and opens a new one
        lock.release()
        if is_new:
            with suppress(OSError):  # there is something in it
                folder.rmdir()


def _holder(folder: Path) -> str:
    try:
        held = json.loads((folder / HOLDER).read_text(encoding="utf-8"))
        return f"a run that goes on since {held['since']} (process {held['process']} on {held['machine']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another run"
