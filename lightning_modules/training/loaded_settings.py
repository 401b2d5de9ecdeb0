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
OLD_KEYS = ("hparams", "module_arguments")


def settings_in(content: dict[str, Any], key: str, name: str | None) -> dict[str, Any]:
    """What Lightning makes a model of.

    Args:
        content: of a checkpoint.
        key: of its hyper-parameters.
        name: of the argument that takes all of them; None, or "kwargs", where each is an argument of its own.

    Raises:
        ValueError: it holds some by the names of earlier versions, which Lightning takes as well.
    """
    if old := sorted({*OLD_KEYS} & content.keys()):
        raise ValueError(f"the checkpoint names settings in {old[0]!r}, as Lightning did before 1.0: it is not one of a fit")
    held = dict(content.get(key, {}))
    return held if name in (None, "kwargs") else {name: held, **held}


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
        is_optimizer = option.rpartition(".")[2] == "optimizer"
        if not inspect.isclass(found) or (is_optimizer and not issubclass(found, Optimizer)):
            kind = "no optimizer" if is_optimizer else "no class"
            raise ValueError(
                f"the checkpoint names {path} as {option or 'the model'}, which is {kind}, and nothing else is called: give it "
                f"yourself, load_from_checkpoint(…, {option.split('.')[0] or 'optimizer'}=…)"
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
    elif option.rpartition(".")[2] == "optimizer" and isinstance(value, str):
        yield option, value
