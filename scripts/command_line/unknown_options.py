"""An option that does not exist is refused before torch and Lightning are imported, which takes seconds.

Only what is sure is refused, in the words in which the parser of the fit would: an option of the fit itself or of Lightning's
Trainer. What the options of a class are, that parser knows.
"""

import ast
from collections.abc import Iterator
from functools import cache

from command_line.class_names import no_such_option
from command_line.exported_names import folder_of
from command_line.first_look import ROOTS
from command_line.one_line_errors import CommandLineError

# What jsonargparse and argparse add.
ADDED = ("help", "version", "print_config", "print_shtab")


def refuse_unknown_options(args: list[str]) -> None:
    """Refuse the first option that there is not.

    Args:
        args: the command line.

    Raises:
        CommandLineError: names it, and the one that is most like it.
    """
    for word in _options(args):
        root, _, rest = word.removeprefix("--").partition(".")
        if root in (*ROOTS, *ADDED) and not (root == "trainer" and rest):
            continue
        of_trainer = trainer_options()
        if root != "trainer" or _first(rest) not in of_trainer:
            known = [f"--{each}" for each in (*sorted(ROOTS), *(f"trainer.{name}" for name in of_trainer))]
            raise CommandLineError(no_such_option(word, known))


@cache
def trainer_options() -> list[str]:
    """What Lightning's Trainer takes, read as text."""
    tree = ast.parse((folder_of("pytorch_lightning") / "trainer" / "trainer.py").read_text(encoding="utf-8"))
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Trainer"]
    makers = [node for node in classes[0].body if isinstance(node, ast.FunctionDef) and node.name == "__init__"]
    return [each.arg for each in (*makers[0].args.args, *makers[0].args.kwonlyargs) if each.arg != "self"]


def _options(args: list[str]) -> Iterator[str]:
    """The words that stand for options: not values, even where these begin with strokes, and no calls for help."""
    for position, arg in enumerate(args):
        before = args[position - 1] if position else ""
        is_value = before.startswith("--") and "=" not in before and "=" not in arg
        word = arg.partition("=")[0]
        if word.startswith("--") and len(word) > 2 and not is_value and not word.endswith(".help"):
            yield word


def _first(rest: str) -> str:
    """callbacks of callbacks+ and callbacks.patience."""
    return rest.partition(".")[0].removesuffix("+")
