"""The file that --output names: whole or not there, and replacing nothing unasked."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from command_line.whole_files import NO_ROOM, whole_file


@contextmanager
def output_file(path: Path, overwrite: bool) -> Iterator[Path]:
    """A temporary path to write to, see `whole_file`.

    Raises:
        FileExistsError: there is such a file, or is one in the end, and `overwrite` does not say to replace it.
        OSError: the folder cannot be written, or the disk is full.
    """
    check_output(path, overwrite)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path, replace=overwrite) as temporary:
            yield temporary
    except OSError as error:
        if isinstance(error, FileExistsError) and str(path) in (error.filename, error.filename2):
            raise FileExistsError(
                f"{path} has been written by another program meanwhile: choose another --output, or replace it with --overwrite"
            ) from error
        about_output = error.filename == str(path.parent) or (temporary is not None and str(temporary) in str(error))
        if error.errno is None or not (about_output or error.errno in NO_ROOM):
            raise  # of what was read meanwhile
        raise OSError(f"{path} cannot be written ({os.strerror(error.errno)}): choose another --output") from error


def check_output(path: Path, overwrite: bool) -> None:
    """Refuse a path that must not be written to.

    Raises:
        FileExistsError: there is such a file, and `overwrite` does not say to replace it.
        IsADirectoryError: it is a folder.
    """
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder: name a file in it")
    if os.path.lexists(path) and not overwrite:
        raise FileExistsError(f"{path} exists: choose another --output, or replace it with --overwrite")
