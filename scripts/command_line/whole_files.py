"""Result files that are whole or not there, and replace nothing unasked."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def whole_file(path: Path, overwrite: bool) -> Iterator[Path]:
    """Another path to write to, which becomes `path` once that is done and vanishes if it fails.

    Raises:
        FileExistsError: there is such a file, and `overwrite` does not say to replace it.
        OSError: the folder cannot be written, or the disk is full.
    """
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder: name a file in it")
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists: choose another --output, or replace it with --overwrite")
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        os.replace(partial, path)
    except OSError as error:
        about_output = error.filename == str(path.parent) or str(partial) in str(error)
        if error.errno is None or not (about_output or error.errno == errno.ENOSPC):
            raise  # of what was read meanwhile
        raise OSError(f"{path} cannot be written ({os.strerror(error.errno)}): choose another --output") from error
    finally:
        with suppress(OSError):
            partial.unlink()
