"""A command-line parser that refuses in one line, and tells its version."""

import re
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, NoReturn

from jsonargparse import ArgumentParser

import command_line.yaml_text  # noqa: F401 – the loader by which options are read
from command_line.class_names import no_such_option, suggestion
from command_line.configured_classes import refuse_other_than_classes
from command_line.one_line_errors import CommandLineError
from command_line.parse_reasons import reason
from lightning_modules.their_line import first_line, their_line

# Stands for null on its way to an option of a class within a class: jsonargparse hands values down as Python writes them, and
# the "None" that it makes of null is a text to the next parser.
NULL = "\N{SYMBOL FOR NULL}"


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

    def parse_args(self, args: Sequence[str] | None = None, *others: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        """What jsonargparse makes of the arguments; null as the value of an option within classes is null at any depth."""
        given = list(sys.argv[1:] if args is None else args)
        for position, arg in enumerate(given):
            flag, equals, value = arg.partition("=")
            if equals and value in ("null", NULL):
                given[position] = f"{flag}={self._null(flag)}"
            elif arg == "null" and position:
                given[position] = self._null(given[position - 1])
        return super().parse_args(given, *others, **kwargs)

    def instantiate(self, namespace: Any, *others: Any, **kwargs: Any) -> Any:
        """What jsonargparse makes of the settings, once all that they name are classes."""
        refuse_other_than_classes(namespace)
        try:
            return super().instantiate(namespace, *others, **kwargs)
        except (Exception, SystemExit) as error:
            if (line := their_line(error)) == "":
                raise
            raise CommandLineError(f"a class of yours cannot be made: {first_line(error)}{line}") from error

    def _null(self, flag: str) -> str:
        """null, under its other name while there are classes between this parser and the option."""
        own = max((option for option in self._options() if flag.startswith(f"{option}.")), key=len, default=flag)
        within = flag.removeprefix(f"{own}.").replace("init_args.", "")
        return NULL if own != flag and flag not in self._options() and "." in within else "null"

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        text = reason(message).replace(NULL, "null")
        if text.startswith("unrecognized arguments: "):
            word = text.removeprefix("unrecognized arguments: ").split("=")[0]
            text = no_such_option(word, self._options())
        elif missing := re.fullmatch(r"the following arguments are required: (.+)", text):
            text = self._missing(missing[1].split(", "))
        elif refused := re.fullmatch(r"Option '(.+)' is not accepted", text):  # by a class, whose options these are
            text += suggestion(refused[1], [option.removeprefix("--") for option in self._options()])
        raise CommandLineError(text) from ex

    def _missing(self, names: list[str]) -> str:
        """As they are typed: options with their strokes."""
        options = self._options()
        typed = [f"--{name}" if f"--{name}" in options else name for name in names]
        return f"{' and '.join(typed)} {'is' if len(typed) == 1 else 'are'} missing; --help explains what to give"

    def _options(self) -> list[str]:
        return [option for action in self._actions for option in action.option_strings]
