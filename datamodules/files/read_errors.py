"""Errors of reading a file with a table, as one line that says what to do."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from datamodules.columns.meaning import PARQUETS
from datamodules.files.compression import suffix_of
from datamodules.files.library_words import reason
from datamodules.messages import listed

TEXTS = (".csv", ".tsv", ".tab", ".txt", ".dat", ".data")
_REMEDY = "give the encoding it was written in: encoding=utf-8, cp1252 or cp850, say"


def undecodable(path: Path, encoding: str | None, error: UnicodeDecodeError) -> str:
    """That a text is in another encoding than it is read in."""
    tried = encoding or error.encoding  # Python calls all of Windows' code pages "charmap"
    byte = f"byte 0x{error.object[error.start]:02x}"
    return f"{path} cannot be read as {suffix_of(path)[1:]}: {tried} cannot decode its {byte}; {_REMEDY}"


@contextmanager
def one_line_read_errors(path: Path, encoding: str | None = None) -> Iterator[None]:
    """Errors of reading the file, as one line that says what to do.

    Args:
        path: the file.
        encoding: that it is read in, if that is known.

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
    except (pa.ArrowException, csv.Error, OSError, ValueError, LookupError) as error:
        if str(error).startswith(str(path)):
            raise
        is_parquet = suffix in PARQUETS
        if isinstance(error, UnicodeDecodeError) and not is_parquet:
            raise ValueError(undecodable(path, encoding, error)) from error
        if "invalid UTF8" in str(error) and not is_parquet:
            raise ValueError(
                f"{path} cannot be read as {suffix[1:]}: utf-8 cannot decode its bytes throughout; {_REMEDY}"
            ) from error
        remedy = "write it anew" if is_parquet else "check the file, or give delimiter, encoding or header"
        raise ValueError(f"{path} cannot be read as {suffix[1:]}: {reason(error)}; {remedy}") from error
