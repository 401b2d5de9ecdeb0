"""How a text file holds a table: its encoding, what separates the cells, where the rows begin."""

import codecs
import csv
import io
import itertools
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from datamodules.columns.missing_codes import AMONG_NUMBERS
from datamodules.columns.number_text import NOTATIONS, read_number
from datamodules.files.compression import open_bytes

SAMPLE_BYTES, SAMPLE_LINES, SNIFFED_LINES = 2**18, 200, 60
DELIMITERS = [",", ";", "\t", "|", " "]
MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
# What Windows calls Latin-1, and nearly all texts in Western Europe that are not UTF-8. Programs that guess (chardet,
# charset-normalizer) were tried on short tables and named code pages of DOS.
FALLBACK = "cp1252"
COMMENTS = ("#", "%", "//")


@dataclass(frozen=True)
class TextFormat:
    """Of one file.

    Attributes:
        encoding: Python's name of it.
        delimiter: the character between cells.
        quote: what may stand around a cell.
        skipped: lines above the first row; comments and empty lines do not count where there are comments.
        header: cells of the line of names; None if the first line is a row.
        width: cells of a row.
        comment: what begins lines that are none of the table; "" if there are none.
        is_aligned: whether any number of blanks separates two cells.
        ends_with_delimiter: whether each row but the header does.
    """

    encoding: str
    delimiter: str
    quote: str
    skipped: int
    header: tuple[str, ...] | None
    width: int
    comment: str
    is_aligned: bool
    ends_with_delimiter: bool


def text_format(path: Path, delimiter: str | None, encoding: str | None, header: bool | None, wanted: str) -> TextFormat:
    """What the beginning of the file shows.

    Args:
        path: the file.
        delimiter, encoding, header: what is known of it; None = to be found out.
        wanted: a column's name, which tells the header from a row.

    Raises:
        ValueError: an empty file, or one in another encoding than the given one.
    """
    with open_bytes(path) as file:
        sample = file.read(SAMPLE_BYTES)
    encoding = encoding or _encoding(sample)
    text = codecs.getincrementaldecoder(encoding)(errors="strict").decode(sample)
    lines = re.split(r"\r\n|\r|\n", text)
    if len(sample) == SAMPLE_BYTES and len(lines) > 1:
        lines.pop()  # it may be cut
    if not any(line.strip() for line in lines):
        raise ValueError(f"{path} has no rows: nothing can be fitted; check the file")
    comment = next((mark for mark in COMMENTS if any(line.startswith(mark) for line in lines[:SAMPLE_LINES])), "")
    kept = [number for number, line in enumerate(lines) if line.strip(" ") and not (comment and line.startswith(comment))]
    body = [lines[number] for number in kept]
    delimiter, quote = (delimiter, '"') if delimiter else _dialect(body[:SNIFFED_LINES])
    is_aligned = delimiter == " " and any("  " in line.strip() or line[:1] == " " for line in body[:SAMPLE_LINES])
    if is_aligned:
        body = [" ".join(line.split()) for line in body]
    reader = csv.reader(io.StringIO("\n".join(body)), delimiter=delimiter, quotechar=quote)
    records, starts = [], [0]
    for record in itertools.islice(reader, SAMPLE_LINES):
        records.append([cell.strip() for cell in record])
        starts.append(reader.line_num)
    width, first = _width(records)
    names, rows = records[first], records[first + 1 :]
    ends = bool(rows) and all(len(row) == width and row[-1] == "" for row in rows) and len(names) == width - 1
    has_header = header if header is not None else wanted in names or _is_header(names, rows)
    if has_header and not rows:
        raise ValueError(f"{path} has no rows: nothing can be fitted; check the file")
    start = starts[first + has_header]
    skipped = start if comment or is_aligned else kept[start] if start < len(kept) else len(lines)
    return TextFormat(
        encoding, delimiter, quote, skipped, tuple(names) if has_header else None, width, comment, is_aligned, ends
    )


def _encoding(sample: bytes) -> str:
    for mark, name in MARKS:
        if sample.startswith(mark):
            return name
    if b"\0" in sample[:1000]:
        return "utf-16-le" if sample[1:1000:2].count(0) > sample[0:1000:2].count(0) else "utf-16-be"
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


def _width(records: list[list[str]]) -> tuple[int, int]:
    """(cells of a row, place of the first record that is not a title)."""
    widths = list(map(len, records))
    width = Counter(widths[len(widths) // 4 :]).most_common(1)[0][0]
    # A header may lack the name of the rows, or of an empty last cell.
    return width, next((place for place, found in enumerate(widths) if found in (width, width - 1 if width > 2 else width)), 0)


def _is_header(first: list[str], rows: list[list[str]]) -> bool:
    """Whether the first line names the columns: texts over numbers do, numbers over numbers do not."""
    if not rows:
        return True
    votes = 0
    for place, name in enumerate(first):
        cells = [row[place] for row in rows if place < len(row) and row[place] not in AMONG_NUMBERS]
        if cells and sum(map(_is_number, cells)) >= 0.9 * len(cells):
            votes += 1 if name in AMONG_NUMBERS or not _is_number(name) else -1
        elif name in cells:
            votes -= 1
    return votes >= 0


def _is_number(text: str) -> bool:
    return any(read_number(text, decimal) is not None for decimal in NOTATIONS)
