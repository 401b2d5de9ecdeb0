"""A look at the user's table before torch and Lightning are imported, which takes seconds: a bad table is refused at once.

Only what is sure is refused here, in the words in which it would be later. A command line that is not understood, other data
than a table, a model that nothing is known of: all that is passed over in silence, and the parser of the fit says what is
wrong. What it would say of an option of the model or the trainer, it says when the table is right.
"""

import warnings
from typing import Any, NamedTuple

import yaml
from jsonargparse import ArgumentParser

from command_line.base_config import base_of
from command_line.model_tasks import TASKS
from command_line.yaml_text import from_yaml, to_yaml
from datamodules.files import TableFile
from datamodules.files.scan_file import scan_head
from datamodules.files.table_options import TableOptions

# Where the options of a fit begin: nothing is understood of a command line or file with others.
ROOTS = {
    "data", "model", "trainer", "config", "seed_everything", "test_weights", "feature_baselines", "ckpt_path",
    "checkpoint_every_n_steps", "debug", "gradient_norms", "test_metrics", "curvature", "coefficients",
    "histograms",
}  # fmt: skip
TABULAR = ("TabularDataModule", "datamodules.TabularDataModule", "datamodules.tabular.TabularDataModule")
STAND_IN = f"{TableOptions.__module__}.{TableOptions.__name__}"
# Of rows, which is a second of looking. Of larger tables it shows wrong names and rows that cannot be read.
MOST_BYTES = 2**25


def first_look(args: list[str]) -> None:
    """Refuse a table that the fit would refuse.

    Args:
        args: as `with_base` returns them.

    Raises:
        OSError, ValueError: as the data module raises them, for its options or for the file.
    """
    found = _understood(args)
    if found is None:
        return
    options = TableOptions(**found)
    files = [options.file] if options.test_file is None else [options.file, options.test_file]
    if options.is_mapped:
        _open(files)
    scan_head(options.file, options.rules, MOST_BYTES)
    _open(files)


def _open(files: list[TableFile]) -> None:
    for file in files:
        file.schema  # noqa: B018 – refuses a file that is not there


class _Option(NamedTuple):
    flag: str
    value: str


def _understood(args: list[str]) -> dict[str, Any] | None:
    """Settings of `TabularDataModule`; None unless they are all known."""
    options = _options(args[1:])
    base = base_of(args)
    if options is None or not base.keys() <= ROOTS:
        return None
    task = _task(base.get("model"), [option for option in options if _root(option.flag) == "model"])
    settings = _settings(base.get("data"), [option for option in options if _root(option.flag) == "data"])
    if task is None or settings is None:
        return None
    if settings["task"] == "auto":
        settings["task"] = task
    return settings


def _options(args: list[str]) -> list[_Option] | None:
    """Each with its value; None if there is something else, such as a call for help."""
    options, queue = [], list(args)
    while queue:
        flag, equals, value = queue.pop(0).partition("=")
        if flag == "--debug" and not equals:
            continue
        if not flag.startswith("--") or _root(flag) not in ROOTS - {"debug"} or flag.endswith(".help"):
            return None
        if not equals:
            if not queue or queue[0].startswith("-"):
                return None
            value = queue.pop(0)
        options.append(_Option(flag, value))
    return options


def _root(flag: str) -> str:
    return flag.removeprefix("--").split(".")[0]


def _settings(base: object, options: list[_Option]) -> dict[str, Any] | None:
    """What the parser of the fit would make of these options, types and all, with a class in the place of the data module."""
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--config", action="config")
    parser.add_subclass_arguments(TableOptions, "data", required=True)
    try:
        args = [] if base is None else [f"--config={to_yaml({'data': _with_stand_in(base)})}"]
        for flag, value in options:
            is_class = flag in ("--data", "--data.class_path")
            args.append(f"{flag}={_class_with_stand_in(value) if is_class else value}")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            settings: dict[str, Any] = parser.parse_args(args).data.init_args.as_dict()
    except Exception:  # whatever it is, the parser of the fit says it
        return None
    return settings


def _class_with_stand_in(value: str) -> str:
    """The text of `--data=Class` or `--data={class_path: Class, …}`."""
    return to_yaml(_with_stand_in(from_yaml(value))) if value.lstrip().startswith("{") else str(_with_stand_in(value))


def _with_stand_in(spec: object) -> object:
    """A class, or a class with settings, with the stand-in for the class.

    Raises:
        KeyError, TypeError, ValueError: it is another one, or none.
    """
    if isinstance(spec, dict):
        return {**spec, "class_path": _with_stand_in(spec["class_path"])}
    if spec not in TABULAR:
        raise ValueError(spec)
    return STAND_IN


def _task(base: object, options: list[_Option]) -> str | None:
    """What the model does, "auto" if the targets say it; None if it is not known."""
    specs = [base] if base is not None else []
    for flag, value in options:
        if flag == "--model" and value.lstrip().startswith("{"):
            try:
                specs.append(from_yaml(value))
            except yaml.YAMLError:
                return None
        elif flag in ("--model", "--model.class_path"):
            specs.append(value)
    tasks = [_task_of(spec) for spec in specs]  # the last one counts, but each is looked for
    return tasks[-1] if tasks and None not in tasks else None


def _task_of(spec: object) -> str | None:
    path = spec.get("class_path") if isinstance(spec, dict) else spec
    package, _, name = path.rpartition(".") if isinstance(path, str) else ("", "", "")
    is_ours = package.split(".")[0] in ("", "lightning_modules")
    return TASKS[name] or "auto" if is_ours and name in TASKS else None
