"""What programs print: a line at a time, in which no name out of a file commands the terminal.

Names of columns, classes, files and folders come from anywhere. Whatever goes to the terminal passes through here, or through
`terminal.py` where it has colours: control characters stand there as Python writes them, and do nothing.
"""

import io
import logging
import sys
import traceback
import warnings
from types import TracebackType
from typing import Any, TextIO

from command_line.wrapped import for_stream
from datamodules.messages import shortened, shown

# Characters of an error: a name of a column may have as many as its file.
MOST = 2000


def say(text: object) -> None:
    """Print a line."""
    print(for_stream(shown(str(text)), sys.stdout))


def say_lines(text: str) -> None:
    """Print a page of our own words, such as help."""
    print(shown(text, lines=True))


def complain(text: str) -> None:
    """Print a line on the error stream."""
    print(for_stream(shown(shortened(text, MOST)), sys.stderr), file=sys.stderr)


class PlainFormatter(logging.Formatter):
    """Of what is logged.

    Args:
        lines: whether it may have several.
    """

    def __init__(self, lines: bool = True) -> None:
        super().__init__()
        self.lines = lines

    def format(self, record: logging.LogRecord) -> str:
        text = shown(super().format(record), self.lines or bool(record.exc_info))
        return text if record.exc_info else for_stream(text, sys.stderr)


def guard_terminal() -> None:
    """Have warnings, logged lines and tracebacks pass through here as well; a letter that the terminal lacks ends nothing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(PlainFormatter())
    warnings.showwarning = _show_warning
    sys.excepthook = _show_traceback


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    text = warnings.formatwarning(message, category, filename, lineno, line)
    stream = file or sys.stderr
    stream.write(for_stream(shown(text, lines=True), stream))


def _show_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> Any:
    sys.stderr.write(shown("".join(traceback.format_exception(kind, error, trace)), lines=True))
