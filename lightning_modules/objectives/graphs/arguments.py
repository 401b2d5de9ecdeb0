"""What a call in a module's `forward` is called with: values of the network, parameters, numbers."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lightning_modules.objectives.graphs.function_kinds import ALIASES, ARITHMETIC, concatenation, kind_of_call
from lightning_modules.objectives.graphs.own_weights import with_own_weights
from lightning_modules.objectives.graphs.value import Value
from lightning_modules.objectives.layers import Layer, LinearMap, RowFunction

WITH_ANOTHER: dict[str, Callable[..., Any]] = {
    **{name: ARITHMETIC[name][0] for name in ("add", "sub", "mul", "truediv", "div")},
    "matmul": torch.matmul,
}


class Call(NamedTuple):
    """A layer and what it takes.

    Attributes:
        layer: its kind; None where the call is not known to take each row by itself.
        inputs: values of the network.
        weights: parameters.
    """

    layer: Layer | None
    inputs: list[Value]
    weights: list[nn.Parameter]


def kind_of_arguments(name: str, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Call:
    """The layer that a call with these arguments is.

    Args:
        name: of the function or method.
        function: itself.
        args, kwargs: what it is called with, a `Value` for each of the network's.
    """
    if name in ("cat", "concat", "concatenate") and args and _are_values(args[0]):
        return Call(concatenation(kwargs.get("dim", args[1] if len(args) > 1 else 0)), list(args[0]), [])
    if len(args) == 2 and isinstance(args[1], Value) and isinstance(args[0], (int, float)):
        number, value = args
        if name in ("add", "mul"):
            return Call(kind_of_call(name, function, [number], kwargs, 1), [value], [])
        return Call(RowFunction(lambda x: function(number, x)), [value], [])  # 1 − x
    plain = ALIASES.get(name, name)  # what is done in place is done beside it here
    own = with_own_weights(plain, args, kwargs)
    if own is not None:
        return Call(own.layer, [own.value], own.weights) if isinstance(own.value, Value) else Call(None, [], [])
    if len(args) == 2 and any(is_constant(each) for each in args) and plain in WITH_ANOTHER and not kwargs:
        return _with_constant(plain, args)
    inputs = [each for each in args if isinstance(each, Value)]
    if args[: len(inputs)] != inputs or any(isinstance(each, Value) for each in kwargs.values()):
        return Call(None, [], [])
    return Call(kind_of_call(name, function, args[len(inputs) :], kwargs, len(inputs)), inputs, [])


def _are_values(argument: Any) -> bool:
    return isinstance(argument, (list, tuple)) and all(isinstance(each, Value) for each in argument)


def is_constant(argument: Any) -> bool:
    """Whether it is a buffer of the module, or was made of such: no part of θ, and the same for every row."""
    return isinstance(argument, Tensor) and not isinstance(argument, nn.Parameter)


def _with_constant(name: str, args: list[Any]) -> Call:
    """A constant beside a value, as the means and scales of features are."""
    function = WITH_ANOTHER[name]
    constant = next(each for each in args if is_constant(each))
    others = [each for each in args if isinstance(each, Value)]
    is_first = args[0] is constant
    # C x would mix the rows of a plain x.
    if len(others) != 1 or (name == "matmul" and (is_first or constant.ndim != 2)):
        return Call(None, [], [])

    def applied(x: Tensor) -> Any:
        return function(constant.to(x), x) if is_first else function(x, constant.to(x))

    bends = is_first and name in ("truediv", "div")
    return Call(RowFunction(applied) if bends else LinearMap(applied), others, [])
