"""Things as a sentence lists them."""

from collections.abc import Iterable


def listed(names: Iterable[str], most: int = 8) -> str:
    """The first few of the texts, and how many more there are."""
    texts = list(names)
    return ", ".join(texts[:most]) + (f" and {len(texts) - most} more" if len(texts) > most else "")


def counted(count: int, what: str = "row", several: str = "") -> str:
    """How many of what, with the right plural."""
    return f"{count} {what}" if count == 1 else f"{count} {several or what + 's'}"


def leave(count: int) -> str:
    """The verb for so many."""
    return "leaves" if count == 1 else "leave"


def are(count: int) -> str:
    """The verb for so many."""
    return "is" if count == 1 else "are"
