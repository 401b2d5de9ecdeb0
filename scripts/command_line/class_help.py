"""`--PLACE.help` lists what can be named at a place, `--PLACE.help=NAME` explains the options of a class, and `--trainer.help`
those of Lightning's Trainer."""

import inspect
import shutil
import textwrap
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

from pytorch_lightning import Trainer
from pytorch_lightning.accelerators import AcceleratorRegistry
from pytorch_lightning.strategies import StrategyRegistry
from torch import nn

from callbacks import CoefficientIntervals, CurvatureDiagnostics, GradientNorms, TestMetrics
from command_line.checked_trainer import is_possible
from command_line.class_names import CLASSES, suggestion
from command_line.named_loggers import ours
from command_line.one_line_errors import CommandLineError
from command_line.option_entries import entries
from command_line.plain_words import first_sentence, paragraphs
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


class Group(NamedTuple):
    """Options without a class to name: whose they are, those that are not the user's, and what the page begins with."""

    options_of: type
    title: str
    given: tuple[str, ...] = ()


GROUPS = {
    "trainer": Group(Trainer, "The options of Lightning's Trainer."),
    "coefficients": Group(CoefficientIntervals, "Of the coefficients that a linear model ends with.", ("status",)),
    "gradient_norms": Group(GradientNorms, "Of the gradient norms that are logged, by layer."),
    "test_metrics": Group(TestMetrics, "Of the metrics on the test set while a fit goes on."),
    "curvature": Group(CurvatureDiagnostics, "Of the spectrum of the curvature."),
}


def _strategies() -> dict[str, str]:
    names = sorted(filter(is_possible, StrategyRegistry.available_strategies()))
    return {"auto": "What fits the devices", **{name: summary(StrategyRegistry[name]["strategy"]) for name in names}}


def _accelerators() -> dict[str, str]:
    names = AcceleratorRegistry.available_accelerators()
    return {"auto": "The best one here", **{name: summary(AcceleratorRegistry[name]["accelerator"]) for name in names}}


# Where a word is named that is no class, and the words with what each is.
WORDS: dict[str, Callable[[], dict[str, str]]] = {"trainer.strategy": _strategies, "trainer.accelerator": _accelerators}


def asked_help(args: list[str]) -> str | None:
    """The help that the first `.help` among the arguments asks for; None without one.

    Raises:
        CommandLineError: there is no such class, option or place; says which is meant.
    """
    for position, arg in enumerate(args):
        flag, equals, value = arg.partition("=")
        place = flag.removeprefix("--").removesuffix(".help").replace(".init_args", "")
        if not flag.startswith("--") or not flag.endswith(".help"):
            continue
        following = args[position + 1] if position + 1 < len(args) else "-"
        name = value if equals else "" if following.startswith("-") else following
        if place in PLACES:
            return explained(place, name) if name else listed(place)
        if place in WORDS:
            return words(place, name)
        if place in GROUPS:
            return of_group(place, name)
        if "." in name and place.partition(".")[0] in PLACES:  # a class of somebody's own, at an option of another
            return explained(place, name)
        return _of_option(place, args)
    return None


def columns() -> int:
    """Of the terminal."""
    return shutil.get_terminal_size().columns


def listed(place: str) -> str:
    """The classes with what each is, a line each where the terminal is wide enough."""
    names = [name.rpartition(".")[2] for name in CLASSES[place.rpartition(".")[2]]()]
    return "\n".join(
        [
            f"--{place}=CLASS, where CLASS is one of",
            *_titled({name: summary(_class(place, name)) for name in names}),
            f"--{place}.help=CLASS explains its options.",
        ]
    )


def words(place: str, name: str) -> str:
    """What can be named where that is no class, or what one of them is.

    Raises:
        CommandLineError: it is none of them.
    """
    found = WORDS[place]()
    if name:
        if name not in found:
            raise CommandLineError(
                f"--{place}.help: there is no {name!r}{suggestion(name, list(found))}; --{place}.help lists those there are"
            )
        return "\n".join(_titled({name: found[name]}))
    return "\n".join([f"--{place}=NAME, where NAME is one of", *_titled(found)])


def explained(place: str, name: str) -> str:
    """The options of a class, under the names that are typed."""
    named = _class(place, name)
    given = PLACES[place].given if place in PLACES else ()
    skipped = {option for option in given if option in inspect.signature(named).parameters}
    found = entries(named, place, skipped, {}, columns(), set(PLACES))
    told = [filled for part in paragraphs(_documentation(named)) for filled in ("", _filled(part))]
    usage = f"usage: fit.py --{place}={name} [OPTION ...]"
    return "\n".join([usage, *told, "", *(found.values() or ["It has no options."])])


def of_group(place: str, name: str = "") -> str:
    """The options of a group, with the defaults that a run has; or one of them.

    Raises:
        CommandLineError: there is no such option.
    """
    group = GROUPS[place]
    defaults: dict[str, Any] = trainer_defaults() if place == "trainer" else {}
    found = entries(group.options_of, place, set(group.given), defaults, columns(), set(PLACES))
    if name:
        return _one_of(found, place, name)
    return "\n".join([f"usage: fit.py [--{place}.OPTION=VALUE ...]", "", group.title, "", *found.values()])


def _of_option(path: str, args: list[str]) -> str:
    """The help on a single option: `--trainer.max_epochs.help`, or `--model.l2.help` where the model is named."""
    place, _, option = path.rpartition(".")
    if place in GROUPS:
        return of_group(place, option)
    named = [arg.partition("=")[2] for arg in args if arg.startswith((f"--{place}=", f"--{place}.class_path="))]
    if place in PLACES and named:
        return _one_of(entries(_class(place, named[-1]), place, set(), {}, columns(), set(PLACES)), place, option)
    if place in PLACES:
        raise CommandLineError(
            f"--{path}.help: --{place}.help=CLASS explains the options of a class, and --{place}.help lists them"
        )
    known = [*PLACES, *WORDS, *GROUPS]
    raise CommandLineError(
        f"there is no --{path}.help{suggestion(f'--{path}.help', [f'--{each}.help' for each in known])}: "
        f"help is at {', '.join(f'--{each}.help' for each in known)}"
    )


def _one_of(found: dict[str, str], place: str, option: str) -> str:
    if option not in found:
        raise CommandLineError(
            f"there is no option --{place}.{option}{suggestion(option, list(found))}; --{place}.help lists them"
        )
    return found[option]


def _titled(titles: dict[str, str]) -> list[str]:
    margin = max(map(len, titles)) + 4
    return [_filled(f"  {name:{margin - 2}}{title}", " " * margin) for name, title in titles.items()]


def _filled(text: str, indent: str = "") -> str:
    is_item = text.startswith(("- ", "* "))
    return textwrap.fill(
        text, columns(), subsequent_indent="  " if is_item else indent, break_long_words=False, break_on_hyphens=False
    )


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
    if place not in PLACES:
        raise CommandLineError(f"--{place}.help: there is no class {name}, or it cannot be imported")
    choices = CLASSES[place.rpartition(".")[2]]()
    raise CommandLineError(
        f"--{place}.help: there is no class {name!r}{suggestion(name, choices)}; --{place}.help lists those there are"
    )


def summary(named: type) -> str:
    """What a class is, in the first sentence of its description."""
    return first_sentence(_documentation(named))


def _documentation(named: type) -> str:
    """Of the class itself; some of Lightning's have it at what makes them, and inherit one that says nothing of them."""
    own = named.__doc__ or vars(named).get("__init__", named).__doc__
    # Of a module of somebody's own it would be a page on modules of torch.
    inherited = None if issubclass(named, nn.Module) else inspect.getdoc(named)
    return inspect.cleandoc(own or inherited or "")
