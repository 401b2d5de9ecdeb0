"""Texts that a spreadsheet would take for formulae and run, with an apostrophe before them, so that it shows them."""

import pyarrow as pa
import pyarrow.compute

# What a formula begins with, in full width as well, after what is skipped: https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = r"^\s*[=+\-@＝＋－＠]"
_NUMBER = r"^\s*[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?\s*$"


def as_shown(texts: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """The texts, with an apostrophe before formulae; numbers such as -1.5, and what is no text, stay as they are."""
    if not pa.types.is_string(texts.type):
        return texts
    is_formula = pa.compute.match_substring_regex(texts, _FORMULA)
    is_number = pa.compute.match_substring_regex(texts, _NUMBER)
    quoted = pa.compute.binary_join_element_wise("'", texts, "")
    return pa.compute.if_else(pa.compute.and_not(is_formula, is_number), quoted, texts)


def name_as_shown(name: str) -> str:
    """The same of one text."""
    return str(as_shown(pa.array([name], pa.string()))[0].as_py())
