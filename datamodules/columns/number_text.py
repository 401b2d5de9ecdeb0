"""Numbers as people write them: 1e-3, 1,234.5, 1.234,5, $5, 12 %, (3), 3-."""

import re

# A space, a no-break space and a narrow one may stand between thousands too. Before them stands no 0: 0,137 is a fraction.
_GROUPS = r"(?!0)\d{{1,3}}(?P<gap>[{gap}'’ \u00a0\u202f])\d{{3}}(?:(?P=gap)\d{{3}})*|\d+"
_EXPONENT = r"(?:[eE][+-]?\d+)?"
NOTATIONS = {
    ".": re.compile(rf"(?:(?:{_GROUPS.format(gap=',')})(?:\.\d*)?|\.\d+){_EXPONENT}"),
    ",": re.compile(rf"(?:(?:{_GROUPS.format(gap='.')})(?:,\d*)?|,\d+){_EXPONENT}"),
}
_INFINITE = re.compile(r"([+-]?)inf(?:inity)?", re.IGNORECASE)
_GAP = re.compile("[0-9][ '’\u00a0\u202f][0-9]")
_CODE = re.compile(r"0\d+")
CURRENCIES = "$€£¥₹"
_MINUS = ("-", "−")


def read_number(text: str, decimal: str, groups: bool = True) -> float | None:
    """The number that a text without blanks around it stands for, or None.

    Args:
        text: the cell.
        decimal: "." or ",", before the fraction; the other one may part thousands.
        groups: whether anything may part thousands; if not, such a text is no number.
    """
    if infinite := _INFINITE.fullmatch(text):
        return float(infinite[0])
    in_parentheses = text.startswith("(") and text.endswith(")")
    body = text[1:-1] if in_parentheses else text
    sign, is_signed = (-1.0 if in_parentheses else 1.0), in_parentheses
    # The sign may stand before or behind the currency.
    for _ in range(2):
        body = body.strip(CURRENCIES + " \u00a0")
        if body[:1] in (*_MINUS, "+"):
            sign, body, is_signed = (sign if body[0] == "+" else -sign), body[1:], True
            if body[:1] in (*_MINUS, "+"):
                return None
    if body.endswith(_MINUS) and not is_signed:  # as SAP writes it
        sign, body = -sign, body[:-1].rstrip(CURRENCIES)
    if body.endswith("%"):
        body = body[:-1].rstrip(" \u00a0")
    if not (match := NOTATIONS[decimal].fullmatch(body)):
        return None
    if gap := match["gap"]:
        if not groups:
            return None
        body = body.replace(gap, "")
    return sign * float(body.replace(",", "."))


def is_code(text: str) -> bool:
    """Whether zeros lead it, as in a postal code: as a number it would lose them."""
    return _CODE.fullmatch(text) is not None


def ornaments(text: str) -> set[str]:
    """What stands in a number besides the number, in words."""
    found = {"per cent signs"} if "%" in text else set()
    if any(sign in text for sign in CURRENCIES):
        found.add("signs of a currency")
    if text.startswith("("):
        found.add("parentheses for a minus")
    if _GAP.search(text):
        found.add("blanks or apostrophes between thousands")
    if text.rstrip(CURRENCIES + " \u00a0").endswith(_MINUS):
        found.add("a minus behind")
    return found
