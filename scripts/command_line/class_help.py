"""`--PLACE.help` lists the classes that can be named at a place, `--PLACE.help=NAME` explains the options of one, and
`--trainer.help` those of Lightning's Trainer."""

import inspect
import re
import shutil
import textwrap
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

from pytorch_lightning import Trainer
from pytorch_lightning.accelerators import AcceleratorRegistry
from pytorch_lightning.strategies import StrategyRegistry

from command_line.checked_trainer import is_possible
from command_line.class_names import CLASSES, suggestion
from command_line.fit_parser import FitParser
from command_line.named_loggers import ours
from command_line.one_line_errors import CommandLineError
from command_line.trainer_defaults import trainer_defaults


class Place(NamedTuple):
    """Where classes are named: the modules to find them in, and arguments that are not the user's to give."""

    modules: tuple[str, ...]
    given: tuple[str, ...] = ()


PLACES = {
    "data": Place(("datamodules",)),
    "model": Place(("lightning_modules",), ("num_features", "num_targets", "num_classes", "image_size")),
    "model.optimizer": Place(("lightning_modules.optimizers", "torch.optim"), ("params",)),
    "trainer.logger": Place(("pytorch_lightning.loggers",), ("purge_step",)),
    "trainer.callbacks": Place(("pytorch_lightning.callbacks",)),
    "trainer.profiler": Place(("pytorch_lightning.profilers",)),
}

# Where a word is named that is no class, and the words.
WORDS: dict[str, Callable[[], list[str]]] = {
    "trainer.strategy": lambda: ["auto", *sorted(filter(is_possible, StrategyRegistry.available_strategies()))],
    "trainer.accelerator": lambda: ["auto", *AcceleratorRegistry.available_accelerators()],
}


def asked_help(args: list[str]) -> str | None:
    """The help that the first `.help` among the arguments asks for; None without one, or for a place that is not known here.

    Raises:
        CommandLineError: there is no such class; says which is meant.
    """
    for position, arg in enumerate(args):
        flag, equals, value = arg.partition("=")
        place = flag.removeprefix("--").removesuffix(".help").replace(".init_args", "")
        if not flag.startswith("--") or not flag.endswith(".help") or place not in {*PLACES, *WORDS, "trainer"}:
            continue
        if place == "trainer":
            return of_trainer()
        following = args[position + 1] if position + 1 < len(args) else "-"
        name = value if equals else "" if following.startswith("-") else following
        if place in WORDS:
            if name:
                continue
            return textwrap.fill(f"--{place}=NAME, where NAME is one of {', '.join(WORDS[place]())}.", columns())
        return explained(place, name) if name else listed(place)
    return None


def columns() -> int:
    """Of the terminal."""
    return shutil.get_terminal_size().columns


def listed(place: str) -> str:
    """The classes with what each is, a line each where the terminal is wide enough."""
    names = [name.rpartition(".")[2] for name in CLASSES[place.rpartition(".")[2]]()]
    margin, width = max(map(len, names)) + 4, columns()
    lines = [
        textwrap.fill(f"  {name:{margin - 2}}{summary(_class(place, name))}", width, subsequent_indent=" " * margin)
        for name in names
    ]
    return "\n".join([f"--{place}=CLASS, where CLASS is one of", *lines, f"--{place}.help=CLASS explains its options."])


def explained(place: str, name: str) -> str:
    """The options of a class, under the names that are typed."""
    named = _class(place, name)
    skipped = {option for option in PLACES[place].given if option in inspect.signature(named).parameters}
    usage, known = _options_of(named, place, f"fit.py --{place}={name} [OPTION ...]", skipped)
    described = textwrap.fill(_described(named), columns())
    return "\n".join([f"{usage}\n\n{described}\n", *(known or ["It has no options."])])


def of_trainer() -> str:
    """The options of Lightning's Trainer, with the defaults that a run has."""
    usage, known = _options_of(Trainer, "trainer", "fit.py [--trainer.OPTION=VALUE ...]", set(), trainer_defaults())
    return "\n".join([f"{usage}\n\nThe options of Lightning's Trainer.\n", *known])


def _options_of(
    named: type, place: str, usage: str, skipped: set[str], defaults: dict[str, Any] | None = None
) -> tuple[str, list[str]]:
    """The line of usage and an entry for each option of a class, under the names that are typed."""
    parser = FitParser(usage=usage, add_help=False)
    parser.add_class_arguments(named, place, fail_untyped=False, skip=skipped, instantiate=False)
    parser.set_defaults({f"{place}.{option}": value for option, value in (defaults or {}).items()})
    usage, _, page = parser.format_help().partition("\n\n")
    options = re.findall(r"^  --.*(?:\n {6,}.*)*", page, re.MULTILINE)
    # The parser has an option for the whole group, one for help on every kind of value, one that adds to a list, and names all
    # that it knows of a kind.
    kept = [each for each in options if not each.startswith(f"  --{place} ") and not _is_of_a_value(each)]
    return usage, [re.sub(r",\s+known\s+subclasses:[^)]*\)", ")", re.sub(r", --\S+\+ \S+", "", each)) for each in kept]


def _is_of_a_value(option: str) -> bool:
    helped = re.match(r"  --(\S+)\.help ", option)
    return helped is not None and helped[1] not in PLACES


def _class(place: str, name: str) -> type:
    """The class that a name or a path stands for at a place."""
    path = ours(name)
    modules = [path.rpartition(".")[0]] if "." in path else PLACES[place].modules
    for module in modules:
        try:
            found = getattr(import_module(module), path.rpartition(".")[2])
        except (ImportError, AttributeError):
            continue
        if inspect.isclass(found):
            return found
    choices = CLASSES[place.rpartition(".")[2]]()
    raise CommandLineError(
        f"--{place}.help: there is no class {name!r}{suggestion(name, choices)}; --{place}.help lists those there are"
    )


def summary(named: type) -> str:
    """What a class is, in the first sentence of its description."""
    first = re.sub(r"\s+", " ", _documentation(named).split("\n\n")[0])
    sentence = re.split(r"(?<=[.:])\s", _plain(first), maxsplit=1)[0]
    return sentence.rstrip(".:")


def _documentation(named: type) -> str:
    """Of the class itself; some of Lightning's have it at what makes them, and inherit one that says nothing of them."""
    return inspect.cleandoc(named.__doc__ or vars(named).get("__init__", named).__doc__ or inspect.getdoc(named) or "")


def _described(named: type) -> str:
    """The description of a class up to its arguments, without the signs of markup."""
    text = re.split(
        r"\n\s*(Args|Arguments|Attributes|Raises|Example|Examples|Returns|Note)s?:+ *\n|\n\.\. ", _documentation(named)
    )[0]
    return _plain(re.sub(r"\s+", " ", text).strip())


def _plain(text: str) -> str:
    text = re.sub(r":\w+:`~?([^`<]*?)(?: ?<[^`]*>)?`", lambda m: m[1].rpartition(".")[2] or m[1], text)
    return re.sub(r"`([^`<]+?) ?<[^`]*>`_+", r"\1", text).replace("``", "`").replace("`", "")
