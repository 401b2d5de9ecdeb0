"""Numbers without ornaments, many at once; whatever else `read_number` reads, it reads one by one."""

from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from datamodules.columns.number_text import CURRENCIES, read_number

_GROUPED = "|[1-9][0-9]{{0,2}}(?:{gap}[0-9]{{3}})+"
_SIMPLE = {
    (decimal, groups): rf"^[+-]?(?:(?:[0-9]+{grouped})(?:{point}[0-9]*)?|{point}[0-9]+)(?:[eE][+-]?[0-9]+)?$"
    for decimal, point, gap in ((".", r"\.", ","), (",", ",", r"\."))
    for groups, grouped in ((True, _GROUPED.format(gap=gap)), (False, ""))
}
# No other text is a number: of digits of any script, of signs and separators, or infinite.
_POSSIBLE = rf"^[\p{{Nd}}+\-−.,'’ \x{{a0}}\x{{202f}}%()eE{CURRENCIES}]+$|^[+-]?(?i:inf(?:inity)?)$"
_ZEROS = "^0[0-9]+$"


def are_simple(texts: pa.Array, decimal: str, groups: bool = True) -> NDArray[np.bool_]:
    """Which of the texts, without blanks around them, are numbers without ornaments.

    Args:
        texts: the texts.
        decimal: "." or ",", before the fraction.
        groups: whether the other one may part thousands.
    """
    return _matching(texts, _SIMPLE[decimal, groups])


def may_be_numbers(texts: pa.Array) -> NDArray[np.bool_]:
    """Which of the texts `read_number` should look at."""
    return _matching(texts, _POSSIBLE)


def are_codes(texts: pa.Array) -> NDArray[np.bool_]:
    """Which of the texts `is_code` says are, of digits 0 to 9."""
    return _matching(texts, _ZEROS)


def values_of(texts: pa.Array, decimal: str) -> NDArray[np.float64]:
    """The values (m,) of simple numbers, to the last bit as `read_number` has them."""
    plain = pc.replace_substring(texts, "," if decimal == "." else ".", "")
    if decimal == ",":
        plain = pc.replace_substring(plain, ",", ".")
    return pc.cast(plain, pa.float64()).to_numpy(zero_copy_only=False)


def read_numbers(texts: pa.Array, decimal: str, missing: Collection[str], groups: bool = True) -> list[float | None]:
    """What each text stands for: nan if it is one of a missing value, None if `read_number` says that it is no number."""
    is_missing = pc.is_in(texts, value_set=pa.array(sorted(missing), pa.string())).to_numpy(zero_copy_only=False)
    is_simple = are_simple(texts, decimal, groups) & ~is_missing
    found = np.full(len(texts), np.nan)
    found[is_simple] = values_of(texts.filter(pa.array(is_simple)), decimal)
    values: list[float | None] = found.tolist()
    for place in np.flatnonzero(~(is_simple | is_missing)).tolist():
        values[place] = read_number(texts[place].as_py(), decimal, groups)
    return values


def _matching(texts: pa.Array, pattern: str) -> NDArray[np.bool_]:
    return pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False)
