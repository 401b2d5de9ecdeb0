"""A command-line parser that refuses in one line, and tells its version."""

import re
from importlib.metadata import version
from typing import Any, NoReturn

from jsonargparse import ArgumentParser

from command_line.class_names import suggestion
from command_line.one_line_errors import CommandLineError
from command_line.parse_reasons import reason


class OneLineParser(ArgumentParser):
    """Raises what it would have printed below a page of usage; it needs neither torch nor Lightning.

    Args:
        prog: name of the program. The parsers that jsonargparse makes for the options of a class have none, and no --version:
            the class may have a `version` of its own.
    """

    def __init__(self, *args: Any, prog: str | None = None, **kwargs: Any) -> None:
        # An abbreviation that works today is ambiguous, or another option, tomorrow.
        defaults: dict[str, Any] = {"allow_abbrev": False, "prog": prog}
        if prog is not None:
            defaults["version"] = f"lightning-newton {version('lightning-newton')}"
        super().__init__(*args, **(defaults | kwargs))

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        text = reason(message)
        if text.startswith("unrecognized arguments: "):
            word = text.removeprefix("unrecognized arguments: ").split("=")[0]
            text = f"there is no option {word}{suggestion(word, self._options())}; --help lists them"
        elif refused := re.fullmatch(r"Option '(.+)' is not accepted", text):  # by a class, whose options these are
            text += suggestion(refused[1], [option.removeprefix("--") for option in self._options()])
        raise CommandLineError(text) from ex

    def _options(self) -> list[str]:
        return [option for action in self._actions for option in action.option_strings]
