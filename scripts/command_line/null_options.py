"""null where an option needs a value: refused by the option's name, as jsonargparse takes null for any option of a class."""

import inspect
from importlib import import_module
from types import NoneType
from typing import Any, get_args, get_type_hints

from jsonargparse import Namespace

from command_line.one_line_errors import CommandLineError


def refuse_null(option: str, spec: Any, linked: tuple[str, ...] = ()) -> None:
    """Refuse null for options of a class as parsed, and of classes within it, that have no null among their values.

    Args:
        option: where the class is named.
        spec: its class_path and init_args; anything else has no options.
        linked: options that come from elsewhere.

    Raises:
        CommandLineError: names the option.
    """
    settings = spec.get("init_args") if isinstance(spec, Namespace) else None
    if not isinstance(settings, Namespace):
        return
    parameters, hints = _options_of(spec.class_path)
    checked = parameters.keys() - set(linked)
    for name, value in vars(settings).items():
        if value is None and name in checked and _has_neither_type_nor_default(parameters[name]):
            raise CommandLineError(f"{option}.{name} is missing: it has no default, and no type that null could belong to")
        if value is None and name in checked and not _takes_null(hints.get(name, Any), parameters[name].default):
            raise CommandLineError(f"{option}.{name}=null does not fit: it needs a value")
        refuse_null(f"{option}.{name}", value)


def _options_of(path: str) -> tuple[dict[str, inspect.Parameter], dict[str, Any]]:
    module, _, name = path.rpartition(".")
    made = getattr(import_module(module), name)
    try:
        return dict(inspect.signature(made).parameters), get_type_hints(made.__init__)
    except (NameError, TypeError, ValueError):  # hints that only a type checker can read
        return {}, {}


def _has_neither_type_nor_default(parameter: inspect.Parameter) -> bool:
    """jsonargparse gives null to such a one where nothing is given."""
    is_one = parameter.kind not in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return is_one and parameter.default is parameter.annotation is inspect.Parameter.empty


def _takes_null(hint: Any, default: Any) -> bool:
    return default is None or hint in (Any, None, NoneType, object) or NoneType in get_args(hint)
