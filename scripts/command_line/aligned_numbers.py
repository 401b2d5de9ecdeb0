"""Numbers of a table below each other: point below point, whatever stands before and after."""

import re
from collections.abc import Iterable, Sequence

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from datamodules.messages import shown

# What stands before the point of a number, the rest of it, and what follows: " ± 0.3", " of 12", " s".
NUMBER = re.compile(r"([<>≤≥~]? ?[-−+]?\d[\d ,]*)((?:\.\d+)?(?:[eE][-+]?\d+)?%?)((?:[ (…±?].*)?)")
NOT_KNOWN = ("", "–", "-", "nan", "inf", "-inf", "∞", "−∞", "?")


def add_rows(table: Table, rows: Iterable[Sequence[str]]) -> None:
    """Rows of texts, of which a column of numbers stands at the right and has its points below each other.

    Args:
        table: with its columns and no rows.
        rows: cells; a name in them has no markup and commands nothing.
    """
    lines = [list(row) for row in rows]
    for column, cells in zip(table.columns, zip(*lines, strict=True), strict=False):
        if is_of_numbers(cells):
            column.justify = "right"
            # A number is not broken.
            column.min_width = max([column.min_width or 0, *map(len, aligned(cells))])
    padded = [
        _padded(cells) if is_of_numbers(cells) else [Text(shown(cell)) for cell in cells] for cells in zip(*lines, strict=True)
    ]
    for row in zip(*padded, strict=True):
        table.add_row(*row)


def is_of_numbers(cells: Sequence[str]) -> bool:
    """Whether there is a number, and nothing else but what stands where one is not known."""
    is_number = [NUMBER.fullmatch(cell) is not None for cell in cells]
    return any(is_number) and all(is_one or cell in NOT_KNOWN for is_one, cell in zip(is_number, cells, strict=True))


def aligned(cells: Sequence[str]) -> list[str]:
    """The same texts, all of one length, with the points of numbers below each other.

    Words stand at the right, as far as they are no longer than the numbers without what follows these.
    """
    found = [NUMBER.fullmatch(cell) for cell in cells]
    before = max((len(number[1]) for number in found if number), default=0)
    behind = max((len(number[2]) for number in found if number), default=0)
    lines = [
        cell.rjust(before + behind)
        if number is None
        else f"{number[1]:>{before}}{number[2] + number[3]}".ljust(before + behind)
        for cell, number in zip(cells, found, strict=True)
    ]
    # What follows a number follows at once; what follows in each line begins in one column.
    if all(number and number[3] for number in found):
        lines = [f"{number[1]:>{before}}{number[2]:{behind}}{number[3]}" for number in found if number]
    width = max(map(len, lines), default=0)
    return [line.ljust(width) for line in lines]


def _padded(cells: Sequence[str]) -> list[Padding]:
    """With blanks at the end that a table leaves as they are."""
    lines = [shown(line) for line in aligned(cells)]
    return [Padding(Text(line.rstrip(), no_wrap=True), (0, len(line) - len(line.rstrip()), 0, 0)) for line in lines]
