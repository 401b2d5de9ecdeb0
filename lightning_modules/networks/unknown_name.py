"""The refusal of a name that means nothing: what it was, what it may have meant, what there is."""

from collections.abc import Iterable
from difflib import get_close_matches


def unknown_name(kind: str, name: str, known: Iterable[str]) -> ValueError:
    """The error to raise for a name that is not among the known ones.

    Args:
        kind: what the name was to choose, in the singular.
        name: the name given.
        known: the names there are.
    """
    names = list(known)
    near = get_close_matches(name, names, 1, 0.6)
    meant = f" (did you mean {near[0]}?)" if near else ""
    return ValueError(f"there is no {kind} {name!r}{meant}; choose among {', '.join(names)}")
