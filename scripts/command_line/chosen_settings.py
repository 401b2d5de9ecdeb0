"""What a run is told from others by, beside its results: the settings that somebody chose."""

import inspect
from importlib import import_module
from pathlib import Path
from typing import Any

from jsonargparse import Namespace

from command_line.one_line_errors import CommandLineError
from command_line.run_settings import PLACES, PRECISIONS, plain

# What the data say of themselves, and the model's setting that it is.
LINKS = {name: name for name in ("num_features", "num_targets", "num_classes", "image_size")} | {"has_offset": "offset"}
ALWAYS = ("lr", "damping", "l2", "batch_size")


def refuse_linked(args: Any) -> None:
    """Refuse settings on the command line that the data give, whatever is typed there.

    Raises:
        CommandLineError: says which.
    """
    for arg in args if isinstance(args, list) else ():
        option = str(arg).partition("=")[0].replace(".init_args", "")
        for name, setting in LINKS.items():
            if option == f"--model.{setting}":
                remedy = "name the column by --data.offset" if name == "has_offset" else "leave it out"
                raise CommandLineError(f"{option} follows from the data: {remedy}")


def chosen_settings(names: tuple[str, str, str], config: Namespace) -> dict[str, bool | int | float | str]:
    """Data, model and method, which have these names, and their settings by name.

    `lr`, `damping`, `l2` and the batch size in any case, others where they are not what the class has by itself; none that says
    where the data are, or how many columns they have.
    """
    data, model, method = names
    chosen: dict[str, Any] = {"method": method, "model": model, "data": data, "seed": config.seed_everything}
    parts = {"method": config.model.init_args.optimizer, "model": config.model, "data": config.data}
    for part, spec in parts.items():
        settings = vars(spec.get("init_args") or Namespace())
        if part == "data" and (path := settings.get("path")):
            chosen["data"] = f"{data} {Path(str(path)).name}"
        defaults = inspect.signature(class_of(spec.class_path)).parameters
        for name, value in settings.items():
            is_said_by_data = part == "model" and name in LINKS.values()
            is_default = name not in defaults or plain(defaults[name].default) == plain(value)
            if name in ALWAYS or not (is_default or is_said_by_data or name in (*PLACES, "optimizer")):
                chosen[name if name not in chosen else f"{part}.{name}"] = plain(value)
    if chosen.get("batch_size", "") is None:
        chosen["batch_size"] = "all"
    precision = PRECISIONS.get(str(config.trainer.precision), config.trainer.precision)
    if precision != "64-true":
        chosen["precision"] = precision
    return {name: value if isinstance(value, (bool, int, float, str)) else str(value) for name, value in chosen.items()}


def class_of(path: str) -> Any:
    """The class of a dotted path."""
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)
