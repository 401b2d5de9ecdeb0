"""Dates as people write them: a column is one of dates if one of these formats reads all of its cells."""

import re

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
        stamps = _iso(texts, pa.timestamp("us", None if form == ISO else "UTC"))
    else:
        stamps = pc.strptime(texts, format=form, unit="s", error_is_null=True)
    return days(stamps)


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
