"""A file looked at once: its form, and what its columns hold."""

from collections.abc import Iterable, Iterator
from contextlib import suppress

import pyarrow as pa

from datamodules.columns.report import Report, Topic
from datamodules.columns.rules import ColumnRules
from datamodules.columns.scan import Scan, scan
from datamodules.files.progress_bar import with_progress_bar
from datamodules.files.table_file import TableFile


def scan_file(file: TableFile, rules: ColumnRules, report: Report, pieces: Iterable[pa.Table] | None = None) -> Scan:
    """Look at all cells of the file, with a progress bar, and say what it is like.

    Args:
        file: the file.
        rules: what may be done to it.
        report: told what was done.
        pieces: its rows; None = read from it.

    Raises:
        OSError, ValueError: the file cannot be read, or no model fitted to it.
    """
    form, names = file.notes()
    report.add(Topic.FORMAT, *form)
    report.add(Topic.NAMES, *names)
    rows = file.pieces() if pieces is None else pieces
    delimiter = "," if file.is_parquet else file.format.division.delimiter
    return scan(file.schema, with_progress_bar("looking", rows, file.expected_rows), rules, report, delimiter)


def scan_head(file: TableFile, rules: ColumnRules, most_bytes: int) -> None:
    """Refuse what `scan_file` would refuse, as far as about so many bytes of rows show it.

    Of a larger file these are wrong names and rows that cannot be read; what its columns are only all rows can tell.

    Raises:
        OSError, ValueError: those of `scan_file`.
    """
    try:
        with suppress(_MoreRowsError):
            scan_file(file, rules, Report(rules.path, rules.refused), _head(file.pieces(), most_bytes))
    finally:
        pa.default_memory_pool().release_unused()  # Arrow would keep what it read ahead, for the rest of the run


class _MoreRowsError(Exception):
    """There are more rows than were to be looked at."""


def _head(pieces: Iterable[pa.Table], most_bytes: int) -> Iterator[pa.Table]:
    seen = 0
    for piece in pieces:
        if seen >= most_bytes:
            raise _MoreRowsError
        seen += piece.nbytes
        yield piece
