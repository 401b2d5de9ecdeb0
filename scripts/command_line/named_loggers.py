"""Loggers that a command line or a file names: which classes they stand for, and where they write unless they say so."""

from pathlib import Path
from typing import Any

import yaml
from jsonargparse import Namespace

from command_line.run_loggers import OURS
from command_line.yaml_text import from_yaml, to_yaml

FLAGS = ("--trainer.logger", "--trainer.logger+", "--trainer.logger.class_path", "--trainer.logger.help")
LIGHTNINGS = ("", "pytorch_lightning.loggers", "pytorch_lightning.loggers.csv_logs", "pytorch_lightning.loggers.tensorboard")
PATHS = {name: f"{ours.__module__}.{ours.__name__}" for name, ours in OURS.items()}


def with_ours(args: list[str] | dict[str, Any]) -> list[str] | dict[str, Any]:
    """The arguments of a fit, or its configuration, with this project's class wherever one of Lightning's loggers is named."""
    if isinstance(args, dict):
        trainer = args.get("trainer")
        return {**args, "trainer": {**trainer, "logger": ours(trainer.get("logger"))}} if isinstance(trainer, dict) else args
    renamed: list[str] = []
    for position, arg in enumerate(args):
        flag, equals, value = arg.partition("=")
        if equals and flag == "--config" and position == 0:
            base = from_yaml(value)
            renamed.append(f"--config={to_yaml(with_ours(base))}" if isinstance(base, dict) else arg)
        elif equals and flag in FLAGS:
            renamed.append(f"{flag}={_ours_of_text(value)}")
        elif position and args[position - 1] in FLAGS:
            renamed.append(_ours_of_text(arg))
        else:
            renamed.append(arg)
    return renamed


def ours(spec: Any) -> Any:
    """A class's name, a class_path with init_args or a list of them, with this project's class for Lightning's."""
    if isinstance(spec, list):
        return [ours(each) for each in spec]
    if isinstance(spec, dict):
        return {**spec, "class_path": ours(spec["class_path"])} if "class_path" in spec else spec
    package, _, name = spec.rpartition(".") if isinstance(spec, str) else ("", "", "")
    return PATHS[name] if name in PATHS and package in LIGHTNINGS else spec


def _ours_of_text(value: str) -> str:
    if not value.lstrip().startswith(("{", "[")):
        return str(ours(value))
    try:
        return to_yaml(ours(from_yaml(value)))
    except yaml.YAMLError:
        return value  # the parser says what is wrong


def placed(logger: Any, logs: Path, name: str, run: dict[str, Any]) -> Any:
    """What `--trainer.logger` holds, with a folder for each of our loggers that names none.

    Args:
        logger: as parsed: null or true for the default, false, one or several.
        logs: folder of all runs.
        name: folder in it of those with the same data, model and method.
        run: settings with which a run goes on in its folder.
    """
    if logger in (None, True):
        return Namespace(class_path=PATHS["TensorBoardLogger"], init_args=Namespace(save_dir=str(logs), name=name, **run))
    if isinstance(logger, list):
        return [placed(each, logs, name, run) for each in logger]
    if is_ours(logger):
        filled = logger.clone()
        filled.init_args = Namespace(filled.get("init_args") or {})
        for setting, value in {"save_dir": str(logs), "name": name, **run}.items():
            if filled.init_args.get(setting) is None:
                filled.init_args[setting] = value
        return filled
    return logger


def is_ours(logger: Any) -> bool:
    """Whether a logger as parsed is one of this project's to files."""
    return isinstance(logger, Namespace) and logger.get("class_path") in PATHS.values()


def first_of(logger: Any) -> Any:
    """The first of several, whose folder is the run's; None of an empty list."""
    return next(iter(logger), None) if isinstance(logger, list) else logger
