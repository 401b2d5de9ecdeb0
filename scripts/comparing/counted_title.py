"""The title of a comparison: what it is about, and how many methods it shows."""


def counted_title(title: str, shown: int, left_out: int) -> str:
    """ "…: 3 methods", or "…: 2 of 3 methods" where some have no row."""
    total = shown + left_out
    counted = f"{shown} of {total}" if left_out else str(total)
    return f"{title}: {counted} method{'' if total == 1 else 's'}"
