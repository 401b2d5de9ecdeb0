"""What a program shows that was told nothing: what can be named, each with a title."""

from collections.abc import Mapping


def choices(usage: str, titles: Mapping[str, str], more: str) -> list[str]:
    """Lines: how it is called, a name and its title a line, and what else there is.

    Args:
        usage: "compare.py NAME".
        titles: by what is typed.
        more: a line at the end.
    """
    margin = max(map(len, titles)) + 2
    return [f"{usage}, where NAME is", *(f"  {name:{margin}}{title}" for name, title in titles.items()), more]
