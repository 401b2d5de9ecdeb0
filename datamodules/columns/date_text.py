"""Dates as people write them: a column is one of dates if one of these formats reads all of its cells."""

import re
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

ISO, ISO_ZONED = "ISO 8601", "ISO 8601 with a zone"
# With points and dashes the day comes first, with slashes the month, unless the cells or the option say otherwise.
FORMATS = (
    *(ISO, ISO_ZONED, "%Y/%m/%d", "%Y-%m", "%Y/%m", "%d.%m.%Y", "%d.%m.%y", "%d-%m-%Y", "%m-%d-%Y", "%m/%d/%Y", "%d/%m/%Y"),
    *("%m/%d/%y", "%d/%m/%y", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%d%b%Y", "%b %d, %Y", "%b %Y", "%d %B %Y", "%B %d, %Y"),
    *("%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S"),
    *("%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S"),
)
DAYS = "days since 1970"
PARTS = {
    "%d": "(?P<day>[0-9]{1,2})", "%m": "(?P<month>[0-9]{1,2})", "%Y": "(?P<year>[0-9]{4})", "%y": "(?P<year>[0-9]{2})",
    "%b": "(?P<name>[A-Za-z]{3})", "%B": "(?P<name>[A-Za-z]+)", "%H": "(?P<hour>[0-9]{1,2})", "%M": "(?P<minute>[0-9]{2})",
    "%S": "(?P<second>[0-9]{2})",
}  # fmt: skip
_SECONDS_OF_A_DAY = 86_400.0
# Years of two or three digits are one of four, cut off.
_FIRST_YEAR = np.datetime64("1000-01-01", "s")
_LOOKS_LIKE_A_DATE = re.compile(r"(?=.*\d).*(\d[-/.\s]|[A-Za-z]{3}[-.,\s]*\d|\d[A-Za-z]{3}).*", re.DOTALL)


def looks_like_a_date(text: str) -> bool:
    """A first look that spares the others."""
    return len(text) < 40 and _LOOKS_LIKE_A_DATE.fullmatch(text) is not None


def read_dates(texts: pa.Array, form: str) -> NDArray[np.float64]:
    """Days since 1970-01-01, with their fraction (m,); nan where a text is no date of this format."""
    if form in (ISO, ISO_ZONED):
        return days(_iso(texts, pa.timestamp("us", None if form == ISO else "UTC")))
    stamps = pc.strptime(texts, format=form, unit="s", error_is_null=True)
    found = days(stamps)
    # strptime takes 31.02. for the 2nd of March, and 1.2.3 for a date: the text must be of this form, and its day that day.
    parts = pc.extract_regex(texts, "^" + _pattern(form) + "$")
    is_right = parts.is_valid()
    if "%d" in form:
        day = pc.cast(pc.if_else(is_right, parts.field("day"), None), pa.int64())
        is_right = pc.and_(is_right, pc.equal(day, pc.day(stamps)))
    found[~pc.fill_null(is_right, False).to_numpy(zero_copy_only=False)] = np.nan
    return found


@cache
def _pattern(form: str) -> str:
    """The regular expression that a text of this format matches."""
    parts = re.split("(%.)", form)
    return "".join(PARTS[part] if part in PARTS else re.escape(part) for part in parts)


def days(stamps: pa.Array | pa.ChunkedArray) -> NDArray[np.float64]:
    """Of Arrow's dates or time stamps: days since 1970-01-01 (m,), nan where there is none."""
    moments = stamps.to_numpy(zero_copy_only=False) if isinstance(stamps, pa.Array) else stamps.to_numpy()
    moments = moments.astype("datetime64[us]")
    found = moments.astype(np.int64) / (1e6 * _SECONDS_OF_A_DAY)
    found[np.isnat(moments) | (moments < _FIRST_YEAR)] = np.nan
    return found


def _iso(texts: pa.Array, kind: pa.DataType) -> pa.Array:
    try:
        return pc.cast(texts, kind)
    except pa.ArrowInvalid:
        return pa.array([_iso_or_none(text, kind) for text in texts.to_pylist()], kind)


def _iso_or_none(text: str, kind: pa.DataType) -> object:
    try:
        return pc.cast(pa.scalar(text), kind).as_py()
    except pa.ArrowInvalid:
        return None
