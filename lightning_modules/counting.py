"""Nouns after a number, and the verbs that go with them."""


def counted(count: float, what: str = "row", several: str = "") -> str:
    """How many of what, with the right plural: "1 row", "3 rows", "2.5 rows", "2 classes"."""
    number = f"{count:g}" if isinstance(count, float) else str(count)
    return f"{number} {what if count == 1 else several or what + 's'}"


def are(count: float) -> str:
    """The verb for so many."""
    return "is" if count == 1 else "are"
