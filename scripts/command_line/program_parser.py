"""The parser of a program with a few options of its own, and its help: a screen in plain words."""

import re
import shutil
import textwrap
from argparse import SUPPRESS, Action, HelpFormatter
from typing import Any

from command_line.one_line_parser import OneLineParser

# What a program's own description says to who reads the file.
POINTER = re.compile(r"\s*`--help` lists the options\.")


class ProgramParser(OneLineParser):
    """Shows what is typed and what it does; of types and defaults what a reader needs.

    Args:
        prog: the program.
        description: its docstring, of which the first paragraph is shown.
        options: as of `OneLineParser`.
    """

    def __init__(self, prog: str, description: str | None, **options: Any) -> None:
        told = POINTER.sub("", (description or "").split("\n\n", maxsplit=1)[0])
        self._needed: set[str] = set()
        super().__init__(prog=prog, description=" ".join(told.split()), **options)

    def add_argument(self, *args: Any, **options: Any) -> Action:
        """As of `ArgumentParser`; what has to be given is kept, since jsonargparse asks for it itself."""
        action: Action = super().add_argument(*args, **options)
        if options.get("required") or (not action.option_strings and action.nargs != "?"):
            self._needed.add(action.dest)
        return action

    def format_help(self, formatter: HelpFormatter | None = None) -> str:
        """All of it, in the width of the terminal."""
        columns = shutil.get_terminal_size().columns
        shown = [action for action in self._actions if action.help not in (None, SUPPRESS)]
        needed = [_typed(action) for action in shown if action.dest in self._needed]
        usable = [f"[{_typed(action)}]" for action in shown if not action.option_strings and action.dest not in self._needed]
        usage = " ".join(["usage:", str(self.prog), *needed, *usable, "[OPTION ...]"])
        # What has to be given comes first.
        ordered = sorted(shown, key=lambda action: (action.dest not in self._needed, action.dest in ("help", "version")))
        texts = {_typed(action): _told(action) for action in ordered}
        margin = min(max(map(len, texts)) + 4, columns // 3)
        lines = [_filled(usage, columns, " " * 4), "", _filled(str(self.description), columns), ""]
        return "\n".join([*lines, *(_entry(typed, text, margin, columns) for typed, text in texts.items())])


def _typed(action: Action) -> str:
    if not action.option_strings:
        return f"{action.metavar or action.dest}".upper() + (" ..." if action.nargs == "+" else "")
    flag = next(option for option in reversed(action.option_strings) if option.startswith("--") and not option.endswith("+"))
    if action.nargs == 0:
        return flag
    return f"{flag} {'NAME' if action.choices else action.metavar or action.dest.upper()}"


def _told(action: Action) -> str:
    text = str(action.help)
    if action.dest == "help":
        return "Show this page."
    if action.dest == "version":
        return "Show the version."
    if action.choices:
        text += f" One of {', '.join('null' if choice is None else str(choice) for choice in action.choices)}."
    if action.nargs == 0 or action.default in (None, []) or not action.option_strings:
        return text
    return f"{text} (default: {action.default})"


def _entry(typed: str, text: str, margin: int, columns: int) -> str:
    indent = " " * margin
    if len(typed) + 4 > margin:  # a name that is longer has a line of its own
        return f"  {typed}\n{_filled(indent + text, columns, indent)}"
    return _filled(f"  {typed:{margin - 2}}{text}", columns, indent)


def _filled(text: str, columns: int, indent: str = "") -> str:
    return textwrap.fill(text, columns, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
