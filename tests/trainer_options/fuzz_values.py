"""Values that an option can take, read off the signature that declares it."""

import inspect
import json
import types
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

# Values of options by name, where the type alone says too little.
NAMED: dict[str, list[Any]] = {
    "data_dir": [None],
    "batch_size": [None, 16, 40, 1000],
    "val_fraction": [0, 0.2, 0.3],
    "test_fraction": [0.2, 0.3],
    "folds": [None, 3],
    "fold": [0, 1],
    "l2": [0.0, 0.01, 1.0],
    "lr": [None, 0.01, 0.5],
    "damping": [None, 1e-3, 0.1],
    "activation": ["relu", "tanh", "sigmoid", "softplus"],
    "output_activation": ["identity"],
    "initialization": ["xavier_uniform", "kaiming_uniform", 0.1],
    "tolerance": [1e-6, 1e-3],
    "momentum": [0.0, 0.9],
    "betas": [[0.9, 0.999]],
    "weight_decay": [0.0, 0.1],
}
# Given by the line itself, or by the data.
GIVEN = {"self", "params", "optimizer", "widths", "num_features", "num_classes", "num_targets", "image_size", "kwargs", "args"}


def values_of(name: str, kind: Any, default: Any) -> list[Any]:
    """Plain values that fit an option; none where nothing is known of its type."""
    if name in NAMED:
        return [value for value in NAMED[name] if value is not None or default is None]
    if kind is bool:
        return [True, False]
    if get_origin(kind) is Literal:
        return list(get_args(kind))
    if get_origin(kind) in (Union, types.UnionType):
        return [value for part in get_args(kind) for value in values_of("", part, default)]
    if kind is type(None):
        return [None]
    if kind is int:
        return [1, 2, 5]
    if kind is float:
        return [default if isinstance(default, float) else 0.1, 0.5]
    return []


def options_of(kind: Any) -> dict[str, list[Any]]:
    """Options of a class with values for each, without those that the line or the data gives."""
    try:
        hints = get_type_hints(kind.__init__)
    except (NameError, TypeError):
        hints = {}
    parameters = inspect.signature(kind.__init__).parameters.values()
    found = {one.name: values_of(one.name, hints.get(one.name), one.default) for one in parameters if one.name not in GIVEN}
    return {name: values for name, values in found.items() if values}


def flag(name: str, value: Any) -> str:
    """An option as one types it."""
    return f"--{name}={value if isinstance(value, str) else json.dumps(value)}"
