"""The beginning of a text file, divided into records: rows, the line of names, comments and titles."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _csv import Reader

COMMENTS = ("#", "%", "//")
MOST_RECORDS = 200


@dataclass(frozen=True)
class Division:
    """How a line is divided into cells.

    Attributes:
        delimiter: the character between cells.
        quote: what may stand around a cell.
        is_aligned: whether any number of blanks separates two cells.
    """

    delimiter: str
    quote: str
    is_aligned: bool

    def tidied(self, line: str) -> str:
        """The line with its end, and one blank for several if blanks align the cells."""
        return " ".join(line.split()) + "\n" if self.is_aligned else line

    def reader(self, lines: Iterable[str], strict: bool = False) -> "Reader":
        return csv.reader(map(self.tidied, lines), delimiter=self.delimiter, quotechar=self.quote, strict=strict)

    def is_open(self, lines: Iterable[str]) -> bool:
        """Whether a quoted cell runs on at the end of the lines."""
        try:
            return not list(self.reader(lines, strict=True))
        except csv.Error as error:
            return "end of data" in str(error)

    def is_comment(self, line: str, mark: str, width: int) -> bool:
        """Whether a line below the header is none of the table: a cell may begin with the mark as well (#ff0000).

        Args:
            line: outside of any quotes.
            mark: what begins comments; "" = there are none.
            width: cells of a row.
        """
        if not mark or not line.startswith(mark):
            return False
        return len(next(self.reader([line]))) != width and not self.is_open([line])


@dataclass(frozen=True)
class Record:
    """One line, or several if a quoted cell holds breaks.

    Attributes:
        line: where it begins, from 0.
        cells: without blanks around them.
        mark: of a comment, if it begins like one; else "".
    """

    line: int
    cells: tuple[str, ...]
    mark: str

    @property
    def is_blank(self) -> bool:
        return not any(self.cells)


def mark_of(line: str) -> str:
    """What a comment begins with, if the line does."""
    return next((mark for mark in COMMENTS if line.startswith(mark)), "")


def is_empty(line: str) -> bool:
    return not line.strip(" \r\n")


def records(lines: list[str], division: Division, whole: bool) -> Iterator[Record]:
    """Those of the lines that are not empty; about as many as are needed.

    Args:
        lines: without their ends.
        division: into cells.
        whole: whether these are all lines of the file.

    Raises:
        ValueError: a quote that is never closed.
    """
    number = plain = 0
    while number < len(lines) and plain < MOST_RECORDS:
        line = lines[number]
        if is_empty(line):
            number += 1
            continue
        mark = mark_of(line)
        is_single = division.quote not in line or (mark != "" and not division.is_open([line]))
        last = number + 1 if is_single else len(lines)
        reader = division.reader(lines[place] + "\n" for place in range(number, last))
        cells = tuple(cell.strip() for cell in next(reader))
        end = number + reader.line_num
        if whole and end == len(lines) and not is_single and division.is_open(lines[number:]):
            raise ValueError(f"a quote {division.quote} that opens in line {number + 1} is never closed; close or double it")
        yield Record(number, cells, mark)
        plain += not mark
        number = end


def unmarked(marks: list[str]) -> list[int]:
    """Places of what tells the form of the table: without comments, unless most rows begin like one."""
    plain = [place for place, mark in enumerate(marks) if not mark]
    start = plain[0] if plain else 0
    return plain if 2 * len(plain) >= len(marks) - start else list(range(start, len(marks)))
