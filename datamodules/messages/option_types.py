"""Options of a wrong type, which the command line catches and Python does not."""

from pathlib import Path

import numpy as np

WHOLE, REAL, TEXT, PATH = (int, np.integer), (int, float, np.integer, np.floating), (str,), (str, Path)


def check_type(name: str, value: object, kinds: tuple[type, ...], wanted: str, optional: bool = False) -> None:
    """Refuse a value that is of none of the kinds; True and False are no numbers.

    Raises:
        ValueError: says what is wanted.
    """
    if optional and value is None:
        return
    if isinstance(value, bool) or not isinstance(value, kinds):
        raise ValueError(f"{name}={value!r}: give {wanted}, not {type(value).__name__}")


def check_names(name: str, value: object) -> None:
    """Refuse what is neither None nor a list of texts.

    Raises:
        ValueError: says so.
    """
    if value is not None and not (isinstance(value, (list, tuple)) and all(isinstance(part, str) for part in value)):
        raise ValueError(f"{name}={value!r}: give a list of names of columns, not {type(value).__name__}")


def check_choice(name: str, value: object, choices: tuple[object, ...]) -> None:
    """Refuse what is none of the choices.

    Raises:
        ValueError: names them.
    """
    if value not in choices:
        raise ValueError(f"{name}={value!r}: choose among {', '.join(map(str, choices))}")
