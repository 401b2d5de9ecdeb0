"""A command-line parser that refuses in one line."""

from typing import Any, NoReturn

from pytorch_lightning.cli import LightningArgumentParser

from command_line.one_line_errors import CommandLineError, reason, suggestion


class OneLineParser(LightningArgumentParser):
    """Raises what it would have printed below a page of usage."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # An abbreviation that works today is ambiguous, or another option, tomorrow.
        super().__init__(*args, **{"allow_abbrev": False, **kwargs})

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        text = reason(message)
        if text.startswith("unrecognized arguments: "):
            word = text.removeprefix("unrecognized arguments: ").split("=")[0]
            known = [option for action in self._actions for option in action.option_strings]
            text = f"there is no option {word}{suggestion(word, known)}; --help lists them"
        raise CommandLineError(text) from ex
