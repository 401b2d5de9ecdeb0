"""Names and cells out of a user's files, as a terminal may have them."""

import unicodedata

# Persian and Indic words and many an emoji are written with them, and they do nothing else.
_JOINERS = "\u200c\u200d"
# Control characters, which a terminal obeys; formats such as the direction of writing; halves of a letter; breaks of a line.
_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")


def shown(text: str, lines: bool = False) -> str:
    r"""The text with every sign that a terminal would obey, or that nobody could see, as Python writes it: \x1b, \u202e.

    Args:
        text: of any origin.
        lines: whether breaks of a line may stay: only where a name cannot pretend to be a line of its own.
    """
    if text.isprintable():
        return text
    kept = _JOINERS + ("\n" if lines else "")
    return "".join(ascii(sign)[1:-1] if sign not in kept and unicodedata.category(sign) in _UNSEEN else sign for sign in text)


def shortened(text: str, most: int) -> str:
    """The text, without its middle if it has more characters than that."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]} … ({len(text) - 2 * half} characters) … {text[-half:]}"
