"""No sign of a text commands a terminal, and what can be read stays as it is."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamodules.messages import shortened, shown

OBEYED = {
    "\x1b[31mred": "\\x1b[31mred",
    "\x1b]0;title\x07": "\\x1b]0;title\\x07",
    "\x9b31m": "\\x9b31m",
    "a\rb\nc\td": "a\\rb\\nc\\td",
    "\u202eevil": "\\u202eevil",
    "a\u200bb\ufeff": "a\\u200bb\\ufeff",
    "half\udcff": "half\\udcff",
    "\u2028": "\\u2028",
    "\x7f\x08": "\\x7f\\x08",
}


@pytest.mark.parametrize("text", OBEYED)
def test_what_a_terminal_obeys_is_written_out(text: str) -> None:
    assert shown(text) == OBEYED[text]


@pytest.mark.parametrize("text", ["rate [/min]", "$\\frac{$", "中文", "العربية", "👨‍👩‍👧", "می‌خواهم", "no\u00a0break", "\\x1b"])
def test_what_can_be_read_stays(text: str) -> None:
    assert shown(text) == text


@given(st.text(st.characters()), st.booleans())
def test_nothing_unseen_is_left(text: str, lines: bool) -> None:
    seen = shown(text, lines)
    unseen = {sign for sign in seen if unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
    assert unseen <= {"\u200c", "\u200d", *("\n" if lines else "")}
    assert shown(seen, lines) == seen


def test_a_long_text_keeps_both_ends() -> None:
    assert shortened("short", 20) == "short"
    text = shortened("begin" + "x" * 5000 + "remedy", 100)
    assert len(text) < 130 and text.startswith("begin") and text.endswith("remedy") and "(4911 characters)" in text
