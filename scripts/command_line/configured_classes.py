"""What a configuration may have made: objects of classes, where such a class belongs. It calls nothing else.

jsonargparse takes a function where the function's result is wanted, and calls it: an optimizer named `subprocess.getoutput`
would run a command before anybody saw that its result is no optimizer. A configuration can still name every class of every
installed package that is a subclass of the one that belongs there; its module is imported, and an object of it is made.
"""

import inspect
from collections.abc import Iterator
from pkgutil import resolve_name
from typing import Any

from jsonargparse import Namespace, set_parsing_settings

from command_line.one_line_errors import CommandLineError

# An option that takes any value keeps a class_path as the text that it is; and what runs commands, opens files or imports
# modules (`os`, `subprocess`, `pickle`, …; jsonargparse keeps the list) is named nowhere, nor where a function is a value.
set_parsing_settings(instantiate_subclass_spec_in_any=False, import_path_denylist=[])


def refuse_other_than_classes(config: Namespace) -> None:
    """Look at all that a configuration names before anything is made of it.

    Args:
        config: as parsed.

    Raises:
        CommandLineError: something that is no class; says which, and at which option.
    """
    for option, path in _named(config, ""):
        try:
            found = resolve_name(path)
        except (ImportError, AttributeError, ValueError):
            continue  # where any value is taken, and nothing is made of this one
        if not inspect.isclass(found):
            raise CommandLineError(f"--{option}: {path} is no class, and a configuration calls nothing else: name a class")
    for option in _functions(config.get("trainer"), "trainer"):
        raise CommandLineError(f"--{option} would call a function that a configuration names: give it from Python")


def _functions(value: Any, option: str) -> Iterator[str]:
    """Each option of Lightning's classes whose value is a function, unless it is the class's own default.

    A model of the user's may take functions: it is the user's to call them.
    """
    if isinstance(value, list):
        for each in value:
            yield from _functions(each, option)
    elif isinstance(value, (Namespace, dict)):
        entries = vars(value) if isinstance(value, Namespace) else value
        settings, defaults = entries.get("init_args"), _defaults(entries.get("class_path"))
        for name, inner in entries.items():
            if name != "init_args":
                yield from _functions(inner, f"{option}.{name}")
        for name, inner in vars(settings).items() if isinstance(settings, Namespace) else ():
            if inner is not defaults.get(name):
                yield from _functions(inner, f"{option}.{name}")
    elif callable(value) and not inspect.isclass(value):
        yield option


def _defaults(path: Any) -> dict[str, Any]:
    """Of the settings of a class; none where they cannot be read."""
    try:
        return {name: each.default for name, each in inspect.signature(resolve_name(path)).parameters.items()}
    except (ImportError, AttributeError, ValueError, TypeError):
        return {}


def _named(value: Any, option: str) -> Iterator[tuple[str, str]]:
    """Each class_path at any depth, with the option that holds it."""
    if isinstance(value, list):
        for each in value:
            yield from _named(each, option)
    elif isinstance(value, (Namespace, dict)):
        entries = vars(value) if isinstance(value, Namespace) else value
        if isinstance(path := entries.get("class_path"), str):
            yield option, path
        for name, inner in entries.items():
            yield from _named(inner, option if name == "init_args" else f"{option}.{name}".lstrip("."))
