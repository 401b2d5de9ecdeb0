"""The settings that a checkpoint holds: a model is made of them, and nothing else is called.

Lightning keeps what a command line gave, classes by their paths, and has jsonargparse make objects of them when the model is
loaded. That takes a function where its result is wanted, and would call one that somebody put into the file.
"""

import inspect
from collections.abc import Iterator
from pkgutil import resolve_name
from typing import Any

from torch.optim import Optimizer

INSTANTIATOR = "pytorch_lightning.cli.instantiate_module"


def refuse_calls(settings: dict[str, Any]) -> None:
    """Look at hyper-parameters before a model is made of them.

    Raises:
        ValueError: they name something to call that is no class, or an optimizer that is none.
    """
    if settings.get("_instantiator", INSTANTIATOR) != INSTANTIATOR:
        raise ValueError(f"the checkpoint names {settings['_instantiator']!r} to make the model with: it is not one of a fit")
    for option, path in _named(settings, ""):
        try:
            found = resolve_name(path)
        except (ImportError, AttributeError, ValueError):
            continue  # who would make an object of it says so
        if not inspect.isclass(found) or (option == "optimizer" and not issubclass(found, Optimizer)):
            raise ValueError(
                f"the checkpoint names {path} as {option}, which is {'no optimizer' if option == 'optimizer' else 'no class'}, "
                "and nothing else is called: give it yourself, load_from_checkpoint(…, " + f"{option.split('.')[0]}=…)"
            )


def _named(value: Any, option: str) -> Iterator[tuple[str, str]]:
    """Each class_path at any depth, with the option that holds it; a text may be one, too, where an optimizer belongs."""
    if isinstance(value, list):
        for each in value:
            yield from _named(each, option)
    elif isinstance(value, dict):
        if isinstance(path := value.get("class_path"), str):
            yield option, path
        for name, inner in value.items():
            yield from _named(inner, option if name == "init_args" else f"{option}.{name}".lstrip("."))
    elif option == "optimizer" and isinstance(value, str):
        yield option, value
