"""What the libraries that read files say of damaged ones, in our words: theirs are of blocks, thrift and columns."""

import csv
import re
from collections.abc import Callable
from re import Match

import pyarrow as pa


def _of_cells(found: Match[str]) -> str:
    row, wanted, got, text = found.groups()
    where = f"row {row} of the file" if row else "a row"
    begins = f" (it begins {text[:40]!r})" if text.strip() else ""
    return f"{where} has {got} cell{'' if got == '1' else 's'} where {wanted} belong{begins}"


_UNCLOSED = "a quoted cell runs on and on, as if a quote were never closed"
_DAMAGED = "its compressed content is damaged or cut off"
# What is found in a message, the first that fits, and what is said instead.
_WORDS: tuple[tuple[re.Pattern[str], str | Callable[[Match[str]], str]], ...] = (
    (re.compile(r"(?:Row #(\d+): )?Expected (\d+) columns?, got (\d+): ?(.*)", re.DOTALL), _of_cells),
    (re.compile(r"straddl|field limit|out of sync with chunker|end of data"), _UNCLOSED),
    (re.compile(r"new-line character|line contains NUL"), "a line holds a break or a NUL byte in its midst"),
    (re.compile(r"surrogates not allowed"), "its name has bytes in it that are no UTF-8"),
    (re.compile(r"Empty CSV"), "it has no rows"),
    (re.compile(r"malloc|[Oo]ut of memory|realloc"), "it takes more memory than there is"),
    (re.compile(r"[Ee]ncrypt|decrypt"), "it is encrypted"),
    (re.compile(r"codec '?\w+'? not|not built|No codec"), "it is compressed in a way that cannot be read here"),
    (
        re.compile(r"magic bytes|size is \d+ bytes|smaller than"),
        "it ends as no Parquet file does: it is cut off, or none",
    ),
    (re.compile(r"compress|inflate|Codec"), _DAMAGED),
    (re.compile(r"[Ee]nd of stream|stream does not start with BOM"), "it does not begin and end as it should"),
)
_UNKNOWN = "its content is damaged"


def reason(error: Exception) -> str:
    """Why a file cannot be read, on one line; words that are not a library's are left as they are."""
    text = str(error).strip()
    is_of_a_library = isinstance(error, (pa.ArrowException, csv.Error, UnicodeError))
    if isinstance(error, OSError) and error.errno is not None:
        return error.strerror or type(error).__name__
    if not is_of_a_library and not isinstance(error, OSError):
        return text.splitlines()[0] if text else type(error).__name__
    for pattern, words in _WORDS:
        if found := pattern.search(text):
            return words if isinstance(words, str) else words(found)
    return _UNKNOWN
