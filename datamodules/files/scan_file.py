"""A file looked at once: its form, and what its columns hold."""

from datamodules.columns.report import Report, Topic
from datamodules.columns.rules import ColumnRules
from datamodules.columns.scan import Scan, scan
from datamodules.files.progress_bar import with_progress_bar
from datamodules.files.table_file import TableFile


def scan_file(file: TableFile, rules: ColumnRules, report: Report) -> Scan:
    """Look at all cells of the file, with a progress bar, and say what it is like.

    Raises:
        OSError, ValueError: the file cannot be read, or no model fitted to it.
    """
    form, names = file.notes()
    report.add(Topic.FORMAT, *form)
    report.add(Topic.NAMES, *names)
    return scan(file.schema, with_progress_bar("looking", file.pieces(), file.expected_rows), rules, report)
