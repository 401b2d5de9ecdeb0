"""Texts that a terminal would cut in the middle of a word, broken at blanks instead; elsewhere a line stays a line."""

import re
import shutil
import textwrap
from typing import TextIO


def for_stream(text: str, stream: TextIO | None) -> str:
    """The text as it is written to a stream: whole where nobody looks."""
    return at_blanks(text, shutil.get_terminal_size().columns) if is_seen(stream) else text


def is_seen(stream: TextIO | None) -> bool:
    """Whether a stream goes to a terminal."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # it is closed
        return False


def at_blanks(text: str, columns: int) -> str:
    """Each line in lines of so many columns. A word that is longer, such as a path, stays whole, so that it can be copied."""
    return "\n".join(line if len(line) <= columns else _broken(line, columns) for line in text.split("\n"))


def command(text: str, columns: int) -> str:
    r"""A command in lines of so many columns, each but the last with the \ after which a shell goes on reading."""
    return " \\\n".join(_broken(text, columns - 2, "    ").split("\n")) if len(text) > columns else text


def _broken(line: str, columns: int, indent: str = "") -> str:
    first = re.match(r" *", line)
    return textwrap.fill(
        line,
        columns,
        subsequent_indent=indent or (first[0] if first else ""),
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
        replace_whitespace=False,
    )
