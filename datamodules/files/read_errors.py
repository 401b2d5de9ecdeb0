"""Errors of reading a file with a table, as one line that says what to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from datamodules.columns.meaning import PARQUETS
from datamodules.files.compression import suffix_of
from datamodules.messages import listed

TEXTS = (".csv", ".tsv", ".tab", ".txt", ".dat", ".data")


@contextmanager
def one_line_read_errors(path: Path) -> Iterator[None]:
    """Errors of reading the file, as one line that says what to do.

    Raises:
        OSError: there is no such file, or it may not be read.
        ValueError: it is damaged, or of another kind.
    """
    if path.is_dir() or not path.exists():
        raise FileNotFoundError(f"there is no file {path}: check the path" + (" (it is a folder)" if path.is_dir() else ""))
    suffix = suffix_of(path)
    if suffix not in (*TEXTS, *PARQUETS):
        raise ValueError(
            f"{path}: only text files ({listed(TEXTS)}, compressed or not) and .parquet can be read, not "
            f"{suffix or 'files without an ending'}: write the table as one of them"
        )
    try:
        yield
    except PermissionError as error:
        raise PermissionError(f"{path} cannot be opened: you have no permission to read it") from error
    except (pa.ArrowException, OSError, ValueError, LookupError) as error:
        first_line = str(error).splitlines()[0] if str(error) else type(error).__name__
        if first_line.startswith(str(path)):
            raise
        remedy = "write it anew" if suffix in PARQUETS else "check the file, or give delimiter, encoding or header"
        raise ValueError(f"{path} cannot be read as {suffix[1:]}: {first_line}; {remedy}") from error
