"""The options of a class as `.help` explains them: what is typed, what it takes and does, what it is by default."""

import re
import textwrap
from argparse import SUPPRESS
from typing import Any

from command_line.fit_parser import FitParser
from command_line.plain_words import of_option
from command_line.value_words import in_words

MARGIN = " " * 6
# Stands for a blank at which no line is broken.
JOIN = "\N{NO-BREAK SPACE}"


def entries(
    named: type, place: str, skipped: set[str], defaults: dict[str, Any], columns: int, places: set[str]
) -> dict[str, str]:
    """By the name of each option, its entry.

    Args:
        named: whose options.
        place: where it is named: "model.optimizer".
        skipped: options that are not the user's to give.
        defaults: of the command line, where they are others.
        columns: of the terminal.
        places: those that list their classes by `.help`.
    """
    parser = FitParser(add_help=False)
    parser.add_class_arguments(named, place, fail_untyped=False, skip=skipped, instantiate=False)
    found = {}
    for action in parser._actions:
        option = action.dest.removeprefix(f"{place}.")
        # The parser has an option for the whole group, and one for help on every kind of value.
        if action.dest == place or option.endswith(".help") or action.default is SUPPRESS:
            continue
        hint, default = getattr(action, "_typehint", action.type), defaults.get(option, action.default)
        values = f"a class; --{action.dest}.help lists them" if action.dest in places else in_words(hint)
        found[option] = _entry(f"--{action.dest}", values, action.help or "", action.required, default, columns)
    return found


def _entry(flag: str, values: str, text: str, is_required: bool, default: Any, columns: int) -> str:
    ended = "required" if is_required else f"default: {_as_typed(default)}"
    told = f"{_sentence(of_option(text))} ({ended})".strip()
    return "\n".join([_filled(f"  {flag}  {values}", columns), _filled(f"{MARGIN}{told}", columns)])


def _filled(text: str, columns: int) -> str:
    """Broken at blanks alone, and not at those within "[0, 1)" or "{a: 1}"."""
    whole = re.sub(r"[\[{(][^\s,:]+[,:] [^\s,:]+[\])}]", lambda match: match[0].replace(" ", JOIN), text)
    lines = textwrap.fill(whole, columns, subsequent_indent=MARGIN, break_long_words=False, break_on_hyphens=False)
    return lines.replace(JOIN, " ")


def _sentence(text: str) -> str:
    return text if not text or text.endswith((".", ":", ";", "?", "!")) else f"{text}."


def _as_typed(value: Any) -> str:
    """A default as one would type it."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_as_typed, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name}: {_as_typed(each)}' for name, each in value.items())}}}"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
