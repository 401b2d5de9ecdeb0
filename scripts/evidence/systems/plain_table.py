"""A table of rich as text, for a page."""

from command_line.terminal import Terminal
from rich.table import Table

WIDTH = 120


def plain(table: Table) -> str:
    """What a terminal of 120 columns would show."""
    console = Terminal(width=WIDTH, no_color=True)
    with console.capture() as captured:
        console.print(table)
    return captured.get()
