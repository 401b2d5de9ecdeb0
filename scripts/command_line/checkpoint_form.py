"""What a checkpoint of a run holds, as types: one made by hand is refused where it is read, by the name of what is wrong."""

import re
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

# Values in all, each counted as often as lists and mappings repeat it: a list of nine times the same list of nine times … is
# small in a file, and endless to print or compare. Preprocessing has some for each category of each column.
MOST_VALUES = 10_000_000
Check = Callable[[Any], bool]


def text(value: Any) -> bool:
    return isinstance(value, str)


def count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def number(value: Any) -> bool:
    return isinstance(value, float) or (isinstance(value, int) and abs(value) < 2**63)


def tensor(value: Any) -> bool:
    is_plain = isinstance(value, Tensor) and value.layout == torch.strided and not value.is_complex()
    return is_plain and value.device.type != "meta"


def mapping(values: Check | None = None, **needed: Check) -> Check:
    """Texts to values of a kind; those that are named are there, of their own kind."""

    def check(value: Any) -> bool:
        return (
            isinstance(value, dict)
            and all(isinstance(name, str) for name in value)
            and all(name in value and is_right(value[name]) for name, is_right in needed.items())
            and (values is None or all(values(each) for each in value.values()))
        )

    return check


def series(of: Check) -> Check:
    """A list or tuple of values of a kind."""
    return lambda value: isinstance(value, (list, tuple)) and all(of(each) for each in value)


def anything(value: Any) -> bool:
    return True


def state(value: Any) -> bool:
    return isinstance(value, dict)


PROGRESS = mapping(total=mapping(count), current=mapping(count))
FIT_LOOP = mapping(
    **{"epoch_loop.batch_progress": PROGRESS, "epoch_progress": PROGRESS, "state_dict": state, "epoch_loop.state_dict": state}
)
# What every checkpoint of a run has, and what one may have.
NEEDED: dict[str, Check] = {
    "state_dict": mapping(tensor),
    "loops": mapping(fit_loop=FIT_LOOP),
    "global_step": count,
    "epoch": count,
}
POSSIBLE: dict[str, Check] = {
    "optimizer_states": series(mapping(state=state, param_groups=series(mapping(params=series(count))))),
    "lr_schedulers": series(mapping()),
    "callbacks": mapping(),
    "hyper_parameters": mapping(),
    "datamodule_hyper_parameters": mapping(),
    "model_class": text,
    "method_class": text,
    "random_states": series(mapping(tensor)),
    "monitored_values": mapping(number),
    "run_settings": mapping(settings=mapping(), rows=lambda value: value is None or count(value)),
    "pytorch-lightning_version": lambda value: isinstance(value, str) and re.match(r"\d+\.\d+", value) is not None,
}
# Under the name of whichever data module wrote it.
PREPROCESSING = mapping(
    encoder=mapping(),
    mean=series(number),
    deviation=series(number),
    class_names=lambda value: value is None or series(text)(value),
    is_strict=lambda value: isinstance(value, bool),
)


def wrong_part(content: dict[str, Any]) -> str | None:
    """What is missing or of another form in a run's checkpoint; None if nothing is."""
    for name, is_right in NEEDED.items():
        if name not in content:
            return f"{name} is missing"
        if not is_right(content[name]):
            return f"{name} is of another form"
    for name, value in content.items():
        if not POSSIBLE.get(str(name), anything)(value):
            return f"{name} is of another form"
        if isinstance(value, dict) and "preprocessing" in value and not PREPROCESSING(value["preprocessing"]):
            return "the preprocessing is of another form"
    return None


def is_endless(content: Any) -> bool:
    """Whether lists and mappings in it repeat each other more often than anybody could read."""
    try:
        return _size(content, {}, set()) > MOST_VALUES
    except RecursionError:
        return True


def _size(value: Any, known: dict[int, int], above: set[int]) -> int:
    if not isinstance(value, (dict, list, tuple, set)):
        return 1
    if id(value) in above:
        raise RecursionError
    if id(value) not in known:
        parts = [*value, *value.values()] if isinstance(value, dict) else value
        above.add(id(value))
        known[id(value)] = 1 + sum(_size(part, known, above) for part in parts)
        above.remove(id(value))
    return known[id(value)]
