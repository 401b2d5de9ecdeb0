"""Files that are something else than their name says."""

import re

BEGINNINGS = {
    b"PK\x03\x04": "is an Excel or zip file, whatever its name: save it as CSV",
    b"\xd0\xcf\x11\xe0": "is an Excel file, whatever its name: save it as CSV",
    b"PAR1": "is a Parquet file, whatever its name: let it end in .parquet",
    b"\x1f\x8b": "is compressed by gzip, whatever its name: let it end in .csv.gz",
    b"BZh": "is compressed by bzip2, whatever its name: let it end in .csv.bz2",
    b"\x28\xb5\x2f\xfd": "is compressed by zstd, whatever its name: let it end in .csv.zst",
    b"%PDF-": "is a PDF, whatever its name: save the table as CSV",
}
# bzip2's letters may begin a table; what follows them may not.
_BZIP2 = re.compile(rb"BZh[1-9]1AY&SY")
_HTML = re.compile(r"\s*<(!doctype html|html|\?xml|head|body|table)\b", re.IGNORECASE)
_JSON = re.compile(r'\s*(\{\s*"|\[\s*[\[{])')


def other_kind(sample: bytes) -> str | None:
    """What the file is, and what to do; None if nothing speaks against text."""
    for beginning, said in BEGINNINGS.items():
        if sample.startswith(beginning) and (beginning != b"BZh" or _BZIP2.match(sample)):
            return said
    return None


def other_text(text: str) -> str | None:
    """What a text is that is no table, and what to do."""
    if "\0" in text:
        return "holds NUL bytes, which no text does: write the file anew, or give encoding"
    if _HTML.match(text):
        return "is a web page (HTML or XML), not a table: download the file itself"
    if _JSON.match(text):
        return "is JSON, not a table: write it as CSV"
    return None
