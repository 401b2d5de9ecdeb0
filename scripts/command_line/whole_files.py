"""Files that are whole or as they were, whatever ends the writing, and whoever else writes the same file meanwhile."""

import errno
import json
import os
import platform
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import Any

SUFFIX = ".partial"
# What a disk without room says, a quota, and a limit of files.
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def whole_file(path: Path, durable: bool = False, replace: bool = True) -> Iterator[Path]:
    """A temporary file to write to, which takes the name `path` when the block ends and vanishes if it fails.

    It is in the same folder, since only there a file is renamed at once, and its name is used once, so that of two writers
    each has a whole file and the later one stays. It is a new file, and `path` becomes it: where a link has that name, the
    link is replaced, and what it points to is left alone. What a killed process of this machine left of the same file is
    removed.

    Args:
        path: of the file; its folder exists.
        durable: have it on disk before it takes the name, and the name as well: otherwise both may be lost with the power.
        replace: a file that has the name by then; otherwise the new one is not kept.

    Raises:
        FileExistsError: there is a file by then that is not to be replaced.
        OSError: the folder cannot be written, or the disk is full.
    """
    remove_leftovers(path)
    temporary = temporary_name(path)
    try:
        temporary.touch(exist_ok=False)
        yield temporary
        if durable:
            flush_to_disk(temporary)
        (os.replace if replace else rename_new)(temporary, path)
        if durable:
            flush_to_disk(path.parent)
    finally:
        with suppress(OSError):
            temporary.unlink()


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A temporary folder to write files to, which are in the folder `path` when the block ends, all of them or none.

    Files of the same names that are there are replaced, others stay. What killed processes of this machine left beside it is
    removed.

    Raises:
        OSError: the folder cannot be written, or the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path, of_all=True)  # of a report that was broken off, the next has another name
    temporary = temporary_name(path)
    temporary.mkdir()
    try:
        yield temporary
        if not path.exists() or not any(path.iterdir()):
            os.replace(temporary, path)
        else:
            for file in sorted(temporary.iterdir()):
                os.replace(file, path / file.name)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def temporary_name(path: Path) -> Path:
    """Beside a path, and used once; it says which process of which machine has it."""
    return path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}@{platform.node()}{SUFFIX}")


def rename_new(old: Path, new: Path) -> None:
    """Rename a file to a name that nothing has; looked at and taken at once where the disk can do that.

    Raises:
        FileExistsError: something has it.
    """
    try:
        os.link(old, new, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError:  # a disk without links
        if os.path.lexists(new):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(new)) from None
        os.rename(old, new)


def remove_leftovers(path: Path, of_all: bool = False) -> None:
    """Remove what processes of this machine that have ended left of the file, or of all beside it."""
    of_whom = re.compile(rf"{'.*' if of_all else re.escape(path.name)}\.(\d+)-[0-9a-f]+@", re.DOTALL)
    for leftover in path.parent.glob(f"*@{escape(platform.node())}{SUFFIX}"):
        if (found := of_whom.match(leftover.name)) and not is_running(int(found[1])):
            with suppress(OSError):
                shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()


def is_running(process: int) -> bool:
    """Whether there is a process of that number."""
    try:
        os.kill(process, 0)  # sends nothing
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's
    return True


def flush_to_disk(path: Path) -> None:
    """Have a file's content, or a folder's entries, on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(path: Path, text: str) -> None:
    """Write a text, all of it or nothing; raises what `whole_file` does."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write plain values as JSON, all or nothing; raises what `whole_file` does."""
    write_whole(path, json.dumps(content, indent=2) + "\n")
