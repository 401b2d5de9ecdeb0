"""Tables of the pages in docs/, rendered from files of results, between the markers that name the command which writes them.

<!-- NAME: begin, written by COMMAND -->
…
<!-- NAME: end -->
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from command_line.whole_files import write_whole

DOCS = Path(__file__).parents[2] / "docs"


def markdown_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of Markdown; a bar within a cell is escaped."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |" for cells in lines)


def block(text: str, name: str) -> str:
    """What stands between the markers of a name.

    Raises:
        ValueError: there is no such pair of markers, or more than one.
    """
    return found(text, name)[2]


def with_block(text: str, name: str, content: str) -> str:
    """The text with other content between the markers of a name.

    Raises:
        ValueError: there is no such pair of markers, or more than one.
    """
    match = found(text, name)
    return text[: match.start(2)] + content + text[match.end(2) :]


def write_block(path: Path, name: str, content: str) -> None:
    """Replace the block in a file, all or nothing.

    Raises:
        ValueError: there is no such pair of markers, or more than one.
        OSError: the file cannot be written.
    """
    write_whole(path, with_block(path.read_text(encoding="utf-8"), name, content))


def found(text: str, name: str) -> re.Match[str]:
    """Begin marker, content and end marker as groups 1 to 3."""
    name = re.escape(name)
    matches = list(
        re.finditer(rf"(<!-- {name}: begin, written by [^\n]+ -->\n)(.*?\n?)(<!-- {name}: end -->)", text, re.DOTALL)
    )
    if len(matches) != 1:
        raise ValueError(
            f"{len(matches)} blocks between <!-- {name}: begin, written by … --> and <!-- {name}: end -->: there must be one"
        )
    return matches[0]
