"""The configuration that a command line starts from, without settings of a class that the command line replaces.

jsonargparse keeps the settings of an old class that a new one has too: `--model.optimizer=Newton` over a file that says
`GradientDescent(lr=0.1)` would become `Newton(lr=0.1)` in silence. So the files are merged here first, and a class named
on the command line starts from its own defaults.

A file that is asked for by `--config` is a choice: the class that it names keeps its settings where the command line names
it again. The default configuration is nobody's choice: `--model=LogisticRegression` alone has no penalty, though the run
without options has one.
"""

from pathlib import Path
from typing import Any

import yaml

from command_line.class_names import suggestion
from command_line.yaml_text import from_yaml, to_yaml

CONFIGS = Path(__file__).parents[1] / "configs"
DEFAULT = CONFIGS / "breast_cancer_logistic_newton.yaml"
# Settings that survive a change of the class at this place, because they are a choice of their own.
KEPT = {"data": (), "model": ("optimizer",), "model.optimizer": ()}


def with_base(args: list[str]) -> list[str]:
    """Command-line arguments with every `--config` merged into one, put first, and cleared of replaced classes' settings.

    Without a `--config` the default one is the base.

    Raises:
        FileNotFoundError: a configuration file does not exist.
        ValueError: it is not YAML, or not a mapping; the settings of a class are not.
    """
    files, rest = _split_config(args)
    base: dict[str, Any] = {}
    for file in files or [str(DEFAULT)]:
        base = _merged(base, read_config(Path(file)))
    for place, kept in KEPT.items():
        named, spec = _named_class(place, rest), _at(base, place)
        if spec is None:
            continue
        if spec.get("init_args") is None:
            spec.pop("init_args", None)  # "init_args:" with nothing below it
        settings = spec.get("init_args", {})
        if not isinstance(settings, dict):
            raise ValueError(f"{place}.init_args is {settings!r}: it maps the names of settings to their values")
        is_same = named is not None and _short(named) == _short(str(spec.get("class_path", "")))
        if named is not None and not (is_same and files):
            settings = {name: value for name, value in settings.items() if name in kept}
            spec.clear()
            spec.update({"class_path": named, "init_args": settings} if settings else {"class_path": named})
    return [f"--config={to_yaml(base)}", *rest]


def base_of(args: list[str]) -> dict[str, Any]:
    """The configuration that `with_base` put first."""
    base: dict[str, Any] = from_yaml(args[0].removeprefix("--config="))
    return base


def read_config(path: Path) -> dict[str, Any]:
    """A YAML file as a mapping; a name without a folder is one of scripts/configs/, unless there is such a file here."""
    shipped = CONFIGS / f"{path.name.removesuffix('.yaml')}.yaml"
    if not path.exists() and path.parent == Path() and shipped.is_file():
        path = shipped
    if not path.is_file():
        names = sorted(file.stem for file in CONFIGS.glob("*.yaml"))
        near = suggestion(path.name.removesuffix(".yaml"), names)
        raise FileNotFoundError(f"there is no configuration file {path}{near}: scripts/configs/ holds {', '.join(names)}")
    try:
        config = from_yaml(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    except ValueError as error:  # refused, or a number that Python refuses
        raise ValueError(f"{path}: {error}") from error
    if not isinstance(config, dict):
        raise ValueError(f"{path} holds no settings: a configuration maps data, model and trainer to theirs")
    return config


def _split_config(args: list[str]) -> tuple[list[str], list[str]]:
    files, rest, queue = [], [], list(args)
    while queue:
        arg = queue.pop(0)
        flag, equals, value = arg.partition("=")
        if flag not in ("--config", "-c"):
            rest.append(arg)
        elif equals:
            files.append(value)
        elif queue:
            files.append(queue.pop(0))
        else:
            raise ValueError(f"{arg} needs the path of a YAML file after it")
    return files, rest


def _named_class(place: str, args: list[str]) -> str | None:
    """The class that the command line names at a place.

    By `--place=Class`, `--place Class`, `--place.class_path=Class` or `--place={class_path: Class}`.
    """
    named = None
    for position, arg in enumerate(args):
        flag, equals, value = arg.partition("=")
        following = "".join(args[position + 1 : position + 2])
        if flag.removesuffix(".class_path").replace(".init_args", "") == f"--{place}":
            named = value if equals else following
    return named if named is None or not named.lstrip().startswith("{") else _class_in(named)


def _class_in(mapping: str) -> str | None:
    """The class of `{class_path: Class, init_args: …}`; None if it names none."""
    try:
        spec = from_yaml(mapping)
    except yaml.YAMLError:
        return None  # the parser says what is wrong
    name = spec.get("class_path") if isinstance(spec, dict) else None
    return name if isinstance(name, str) else None


def _at(config: dict[str, Any], place: str) -> dict[str, Any] | None:
    node: Any = config
    for number, key in enumerate(place.split(".")):
        settings = node.get("init_args") if number else node
        node = settings.get(key) if isinstance(settings, dict) else None
        if not isinstance(node, dict):
            return None
    return node


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        other_class = both and "class_path" in value and value["class_path"] != merged[key].get("class_path")
        merged[key] = _merged(merged[key], value) if both and not other_class else value
    return merged


def _short(class_path: str) -> str:
    return class_path.rpartition(".")[2]
