"""How a text file holds a table: its encoding, what separates the cells, where the rows begin."""

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

from datamodules.files.compression import open_bytes
from datamodules.files.header import ends_with_delimiter, find_header, rows_below, usual_width
from datamodules.files.other_kinds import other_kind, other_text
from datamodules.files.read_errors import undecodable
from datamodules.files.records import COMMENTS, MOST_RECORDS, Division, Record, is_empty, mark_of, records, unmarked

SAMPLE_BYTES, SNIFFED_LINES = 2**18, 60
DELIMITERS = [",", ";", "\t", "|", " "]
MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
# What Windows calls Latin-1, and nearly all texts in Western Europe that are not UTF-8. Programs that guess (chardet,
# charset-normalizer) were tried on short tables and named code pages of DOS.
FALLBACK = "cp1252"
# What Excel writes above a table, and reads.
_SAID_DELIMITER = re.compile('"?sep=(.)"?')


@dataclass(frozen=True)
class TextFormat:
    """Of one file.

    Attributes:
        encoding: Python's name of it.
        division: of a line into cells.
        skipped: lines of the file above the first row.
        above: those of them that are titles or empty: neither comments nor the line of names nor what is below it.
        header: cells of the line of names; None if the first line is a row.
        width: cells of a row.
        comment: what begins lines that are none of the table; "" if there are none.
        ends_with_delimiter: whether each row but the header does.
    """

    encoding: str
    division: Division
    skipped: int
    above: int
    header: tuple[str, ...] | None
    width: int
    comment: str
    ends_with_delimiter: bool


def text_format(path: Path, delimiter: str | None, encoding: str | None, header: bool | None, wanted: str) -> TextFormat:
    """What the beginning of the file shows.

    Args:
        path: the file.
        delimiter, encoding, header: what is known of it; None = to be found out.
        wanted: a column's name, which tells the header from a row.

    Raises:
        ValueError: a file that is empty, no table of text, or in another encoding than the given one.
    """
    with open_bytes(path) as file:
        sample = file.read(SAMPLE_BYTES)
    if said := other_kind(sample):
        raise ValueError(f"{path} {said}")
    encoding = encoding or _encoding(sample)
    try:
        text = codecs.getincrementaldecoder(encoding)(errors="strict").decode(sample)
    except UnicodeDecodeError as error:
        raise ValueError(undecodable(path, encoding, error)) from error
    if said := other_text(text):
        raise ValueError(f"{path} {said}")
    lines, is_whole = re.split(r"\r\n|\r|\n", text), len(sample) < SAMPLE_BYTES
    if not is_whole and len(lines) > 1:
        lines.pop()  # it may be cut
    is_said = _SAID_DELIMITER.fullmatch(lines[0])
    if is_said:
        lines[0], delimiter = "", delimiter or is_said[1]
    nothing = ValueError(f"{path} has no rows: nothing can be fitted; check the file")
    filled = [line for line in lines if not is_empty(line)]
    if not filled:
        raise nothing
    division = _division([filled[place] for place in unmarked(list(map(mark_of, filled)))], delimiter)
    try:
        found = list(records(lines, division, is_whole))
        width = usual_width([found[place] for place in unmarked([record.mark for record in found])])
        place, has_header = find_header(found, width, header, wanted)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    names, rows = found[place].cells, rows_below(found, place, width)
    if (has_header and not rows) or all(record.mark and (width == 1 or record.cells[0] == record.mark) for record in found):
        raise nothing
    skipped = _row_line(found, place + 1, width) if has_header else found[place].line
    comment = _comment(found, place, width)
    above = sum(not (comment and (is_empty(line) or mark_of(line))) for line in lines[: found[place].line])
    return TextFormat(
        encoding=encoding,
        division=division,
        skipped=skipped,
        above=above - (is_said is not None and not comment),
        header=names if has_header else None,
        width=width,
        comment=comment,
        ends_with_delimiter=ends_with_delimiter(names, rows, width),
    )


def _row_line(found: list[Record], place: int, width: int) -> int:
    return next(record.line for record in found[place:] if not record.mark or len(record.cells) == width)


def _comment(found: list[Record], place: int, width: int) -> str:
    """What begins the comments: lines like one above the table, or below it without the cells of a row."""
    marks = {record.mark for record in found[:place]}
    marks |= {record.mark for record in found[place + 1 :] if len(record.cells) != width}
    return next((mark for mark in COMMENTS if mark in marks), "")


def _division(lines: list[str], delimiter: str | None) -> Division:
    delimiter, quote = (delimiter, '"') if delimiter else _dialect(lines[:SNIFFED_LINES])
    is_aligned = delimiter == " " and any("  " in line.strip() or line[:1] == " " for line in lines[:MOST_RECORDS])
    return Division(delimiter, quote, is_aligned)


def _encoding(sample: bytes) -> str:
    for mark, name in MARKS:
        if sample.startswith(mark):
            return name
    # Of the two bytes of a letter one is mostly zero. Few zeros, or as many at even as at odd places, are no text.
    even, odd = sample[0:1000:2].count(0), sample[1:1000:2].count(0)
    if max(even, odd) > 10 * min(even, odd) and max(even, odd) > 0.1 * len(sample[:1000:2]):
        return "utf-16-le" if odd > even else "utf-16-be"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
        return "utf-8"
    except UnicodeDecodeError:
        return FALLBACK


def _dialect(lines: list[str]) -> tuple[str, str]:
    """(delimiter, quote), by the consistency of what they would make of the lines.

    Source: G. van den Burg, A. Nazábal and C. Sutton, Wrangling messy CSV files by detecting row and type patterns (2019).
    """
    from clevercsv import Detector  # noqa: PLC0415 – only for files of text

    found = Detector().detect("\n".join(lines), delimiters=DELIMITERS)
    delimiter = found.delimiter if found is not None and found.delimiter in DELIMITERS else ","
    return delimiter, (found.quotechar if found is not None and found.quotechar else '"')
