"""A table of rich as text, for a page."""

import io

from command_line.terminal import Terminal
from rich.table import Table

WIDTH = 120


def plain(table: Table) -> str:
    """What a terminal of 120 columns would show, without bold and italics, which are commands of a terminal.

    The file keeps the console from asking whether this program runs in a terminal, and the environment from saying so.
    """
    written = io.StringIO()
    Terminal(width=WIDTH, file=written, color_system=None, force_terminal=False).print(table)
    return written.getvalue()
