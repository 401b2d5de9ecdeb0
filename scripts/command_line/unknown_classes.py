"""A class that does not exist is refused before torch and Lightning are imported, which takes seconds.

Only what is sure is refused, in the words in which the parser of the fit would: a plain name, of which there is no class in the
packages that a name is looked up in. All else is left to that parser.
"""

import re
from collections.abc import Iterator

from command_line.base_config import base_of
from command_line.class_names import CLASSES, no_such_class
from command_line.exported_names import folder_of
from command_line.one_line_errors import CommandLineError
from command_line.yaml_text import from_yaml

# Ours, and those of theirs whose classes the parser knows by their short names.
PACKAGES = ("datamodules", "lightning_modules", "callbacks", "command_line", "pytorch_lightning", "torch.optim")
# Where classes are named that no configuration holds by default.
OF_THE_TRAINER = ("--trainer.callbacks", "--trainer.logger")


def refuse_unknown_classes(args: list[str]) -> None:
    """Refuse the first name that no class has.

    Args:
        args: as `with_base` returns them.

    Raises:
        CommandLineError: says which is meant, and what there is.
    """
    if any(arg == "--version" or arg.partition("=")[0].endswith(".help") for arg in args):
        return
    for option, name in (*_of_the_base(args), *_of_the_trainer(args[1:])):
        listed = [each.rpartition(".")[2] for each in CLASSES[option.rpartition(".")[2].removeprefix("--")]()]
        if _is_plain(name) and name not in listed and not _is_defined(name):
            raise CommandLineError(no_such_class(option, name))


def _of_the_base(args: list[str]) -> Iterator[tuple[str, str]]:
    """Of data, model and method: what the command line names at these places is in the base already."""
    base = base_of(args)
    yield from _named("--data", base.get("data"))
    yield from _named("--model", base.get("model"))
    settings = model.get("init_args") if isinstance(model := base.get("model"), dict) else None
    yield from _named("--model.optimizer", settings.get("optimizer") if isinstance(settings, dict) else None)


def _named(option: str, spec: object) -> Iterator[tuple[str, str]]:
    if isinstance(spec, dict) and isinstance(name := spec.get("class_path"), str):
        yield option, name


def _of_the_trainer(args: list[str]) -> Iterator[tuple[str, str]]:
    for position, arg in enumerate(args):
        flag, equals, value = arg.partition("=")
        if flag in OF_THE_TRAINER:
            yield flag, value if equals else "".join(args[position + 1 : position + 2])


def _is_plain(name: str) -> bool:
    """Neither a path nor YAML, and no word that YAML reads as something else than text, such as false."""
    return name.isidentifier() and isinstance(from_yaml(name), str)


def _is_defined(name: str) -> bool:
    """Whether there is such a class: one that is not for users is refused by who knows it."""
    header = re.compile(rf"^class {name}\b", re.MULTILINE)
    files = (file for package in PACKAGES for file in folder_of(package).rglob("*.py"))
    return any(header.search(file.read_text(encoding="utf-8", errors="replace")) for file in files)
