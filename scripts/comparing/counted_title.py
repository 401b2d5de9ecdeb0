"""The title of a comparison: what it is about, and how many methods it shows."""

from datamodules.messages import counted


def counted_title(title: str, shown: int, left_out: int) -> str:
    """ "…: 3 methods", or "…: 2 of 3 methods" where some have no row."""
    total = shown + left_out
    return f"{title}: {f'{shown} of ' if left_out else ''}{counted(total, 'method')}"
