"""What a program can be asked for by name: listed with titles where it was told nothing, and held against what it was told."""

from collections.abc import Iterable, Mapping

from command_line.class_names import suggestion
from command_line.one_line_errors import CommandLineError


def choices(usage: str, titles: Mapping[str, str], more: str) -> list[str]:
    """Lines: how it is called, a name and its title a line, and what else there is.

    Args:
        usage: "compare.py NAME".
        titles: by what is typed.
        more: a line at the end.
    """
    margin = max(map(len, titles)) + 2
    return [f"{usage}, where NAME is", *(f"  {name:{margin}}{title}" for name, title in titles.items()), more]


def refuse_unknown(kind: str, names: Iterable[str], titles: Mapping[str, str]) -> None:
    """Refuse what is none of them, nor all.

    Args:
        kind: what the names are of: "system".
        names: as typed.
        titles: by what can be typed.

    Raises:
        CommandLineError: says which one is meant, and lists them.
    """
    for name in names:
        if name not in {*titles, "all"}:
            near = suggestion(name, list(titles))
            raise CommandLineError(f"there is no {kind} {name!r}{near}: choose among {', '.join(titles)}, all")
