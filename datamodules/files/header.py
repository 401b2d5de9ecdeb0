"""Where the table begins in a text file, and whether its first line names the columns."""

import re
from collections import Counter

from datamodules.columns.missing_codes import AMONG_NUMBERS
from datamodules.columns.number_text import NOTATIONS, read_number
from datamodules.files.records import Record
from datamodules.messages import counted

MOST_ABOVE = 100
_WHOLE = re.compile(r"[+-]?\d+")


def usual_width(records: list[Record]) -> int:
    """Cells of a row."""
    widths = [len(record.cells) for record in records]
    return Counter(widths[len(widths) // 4 :]).most_common(1)[0][0]


def find_header(records: list[Record], width: int, header: bool | None, wanted: str) -> tuple[int, bool]:
    """(place of the first record of the table, whether it names the columns).

    Args:
        records: of the beginning of the file, comments too.
        width: cells of a row.
        header: whether there is a line of names; None = to be found out.
        wanted: a column's name, which tells the line of names from titles and rows.

    Raises:
        ValueError: the line of names has one cell less than the rows, and nothing shows which column has no name.
    """
    # A header may lack the name of the rows, or of an empty last cell.
    short = width - 1 if width > 2 else width
    fitting = [place for place, found in enumerate(records) if len(found.cells) in (width, short) and not found.is_blank]
    full = [place for place in fitting if len(records[place].cells) == width]
    if header is False:
        return (full[0] if full else 0), False
    above = 0
    for place in fitting:
        if place >= MOST_ABOVE + above:
            break
        above += bool(records[place].mark)  # long comments are no reason to give up
        if wanted and wanted in records[place].cells and _may_name(records, place, fitting, width, wanted):
            _check_short(records, place, width)
            return place, True
    place = _first(records, fitting, full, width)
    names, rows = records[place].cells, rows_below(records, place, width)
    is_header = header is True or sum(_votes(_named(names, rows, width), rows)) >= 0
    if is_header:
        _check_short(records, place, width)
    return place, is_header


def rows_below(records: list[Record], place: int, width: int) -> list[tuple[str, ...]]:
    """Cells of what follows, without comments."""
    return [found.cells for found in records[place + 1 :] if not found.mark or len(found.cells) == width]


def ends_with_delimiter(names: tuple[str, ...], rows: list[tuple[str, ...]], width: int) -> bool:
    """Whether each row does, and the line of names does not."""
    return bool(rows) and len(names) == width - 1 and all(len(row) == width and row[-1] == "" for row in rows)


def _may_name(records: list[Record], place: int, fitting: list[int], width: int, wanted: str) -> bool:
    """Whether a record that holds the wanted name is the header, not a row where a category is called so."""
    if place == fitting[0]:
        return True
    names = records[place].cells
    column = names.index(wanted)
    if any(records[other].cells[column : column + 1] == (wanted,) for other in fitting if other != place):
        return False
    rows = rows_below(records, place, width)
    return bool(rows) and min(_votes(_named(names, rows, width), rows)) >= 0


def _first(records: list[Record], fitting: list[int], full: list[int], width: int) -> int:
    """Where no name tells: the first record like a row, but for comments and titles over what is plainly a header."""
    if not fitting:
        return 0
    first = fitting[0]
    is_short = len(records[first].cells) < width
    if not (records[first].mark or is_short):
        return first
    below = next((place for place in full if place > first and not records[place].mark), None)
    rows = [] if below is None else rows_below(records, below, width)
    is_title = below is not None and bool(rows) and sum(_votes(records[below].cells, rows)) > 0
    return below if is_title and below is not None else first


def _check_short(records: list[Record], place: int, width: int) -> None:
    """Refuse a short line of names that might belong to other columns: all would be shifted in silence."""
    names, rows = records[place].cells, rows_below(records, place, width)
    if len(names) == width or not rows or ends_with_delimiter(names, rows, width) or _are_names([row[0] for row in rows]):
        return
    raise ValueError(
        f"rows have {counted(width, 'cell')} and the line of names has {len(names)}: name every column, or "
        "give header or delimiter"
    )


def _are_names(cells: list[str]) -> bool:
    """Whether they may name or number the rows."""
    return len(set(cells)) == len(cells) and all(cell and (_WHOLE.fullmatch(cell) or not _is_number(cell)) for cell in cells)


def _named(names: tuple[str, ...], rows: list[tuple[str, ...]], width: int) -> tuple[str, ...]:
    """A short line of names, over the cells that it names."""
    return names if len(names) == width or ends_with_delimiter(names, rows, width) else ("", *names)


def _votes(names: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[int]:
    """Of each column, for a header: texts over numbers do, numbers over numbers and texts that occur again do not."""
    votes = [0] * len(names)
    for place, name in enumerate(names):
        cells = [row[place] for row in rows if place < len(row) and row[place] not in AMONG_NUMBERS]
        if cells and sum(map(_is_number, cells)) >= 0.9 * len(cells):
            votes[place] = 1 if name in AMONG_NUMBERS or not _is_number(name) else -1
        elif name in cells:
            votes[place] = -1
    return votes


def _is_number(text: str) -> bool:
    return any(read_number(text, decimal) is not None for decimal in NOTATIONS)
