"""What an option takes, in the words of somebody who types it, out of the types that Python has for it."""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

# A value of it, several, and an example of several.
KINDS: dict[Any, tuple[str, str, str]] = {
    bool: ("true or false", "true or false", "true, false"),
    int: ("a whole number", "whole numbers", "1, 2"),
    float: ("a number", "numbers", "0.5, 2"),
    str: ("a text", "texts", "a, b"),
    Path: ("a path", "paths", "a, b"),
    timedelta: ("a time", "times", "00:12:00:00"),
}
CLASS = "a class"
# Of names and values.
PAIRS = {int: "{a: 1}", float: "{a: 0.5}", str: "{a: b}"}


def in_words(hint: Any) -> str:
    """ "auto, hessian or ggn"; "a number or null"; "a list of texts, [a, b]"; "a class"."""
    return _joined(list(dict.fromkeys(_alternatives(hint))))


def _alternatives(hint: Any) -> list[str]:
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        # A whole number is a number, so that one of both is enough.
        found = [word for part in parts if not (part is int and float in parts) for word in _alternatives(part)]
        # What takes a number or a name as well is not given an object on a command line.
        found = [word for word in found if word != CLASS] if set(found) - {CLASS, "null"} else found
        return [word for word in found if word != "null"] + (["null"] if "null" in found else [])
    if origin is Literal:
        return ["null" if value is None else str(value) for value in parts]
    if hint in (None, NoneType):
        return ["null"]
    if hint is bool:
        return ["true", "false"]
    if hint in KINDS:
        return [KINDS[hint][0]]
    if inspect.isclass(origin) and issubclass(origin, Mapping):
        return [f"names with {_several(parts[-1])}, {PAIRS.get(parts[-1], '{a: …}')}"]
    if inspect.isclass(origin) and issubclass(origin, Iterable):
        return [f"a list of {_several(parts[0])}{_example(parts[0])}"] if parts else ["a list"]
    if hint in (list, tuple, Sequence):
        return ["a list"]
    if hint in (dict, Mapping):
        return ["names with values, {a: …}"]
    return ["anything"] if hint in (Any, inspect.Parameter.empty) else [CLASS]


def _several(hint: Any) -> str:
    if get_origin(hint) in (Union, UnionType):
        return _joined(list(dict.fromkeys(_several(part) for part in get_args(hint))))
    if get_origin(hint) is Literal:
        return _joined(_alternatives(hint))
    if hint in KINDS:
        return KINDS[hint][1]
    return "lists" if get_origin(hint) is not None or hint in (list, tuple, dict) else "classes"


def _example(hint: Any) -> str:
    first = get_args(hint)[0] if get_origin(hint) in (Union, UnionType) else hint
    return f", [{KINDS[first][2]}]" if first in KINDS else ""


def _joined(words: list[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
