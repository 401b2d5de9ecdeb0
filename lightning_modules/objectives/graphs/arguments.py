"""What a call in a module's `forward` is called with: values of the network, parameters, numbers."""

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Tensor, nn

from lightning_modules.objectives.graphs.function_kinds import ALIASES, ROWS, concatenation, kind_of_call
from lightning_modules.objectives.layers import Layer, LinearMap, RowFunction

WITH_ANOTHER = ("add", "sub", "mul", "truediv", "div")


class Value:
    """A value of the network, by its number: 0 are the features.

    Args:
        index: the number.
    """

    def __init__(self, index: int) -> None:
        self.index = index


class Shape:
    """The shape of a value, of which the number of rows may be asked for."""


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


def what_is_asked(name: str, args: list[Any]) -> Any:
    """What x.shape, x.shape[0] and x.size(0) stand for, of rows whose sizes are not known yet; None of other calls."""
    if name == "getattr" and args[1] == "shape" and isinstance(args[0], Value):
        return Shape()
    if name == "size" and isinstance(args[0], Value) and args[1:] in ([], [0]):
        return ROWS if args[1:] else Shape()
    return ROWS if name == "getitem" and isinstance(args[0], Shape) and args[1] == 0 else None


def kind_of_arguments(name: str, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Call:
    """The layer that a call with these arguments is.

    Args:
        name: of the function or method.
        function: itself.
        args, kwargs: what it is called with, a `Value` for each of the network's.
    """
    if name in ("cat", "concat", "concatenate") and args and all(isinstance(each, Value) for each in args[0]):
        return Call(concatenation(kwargs.get("dim", args[1] if len(args) > 1 else 0)), list(args[0]), [])
    if len(args) == 2 and isinstance(args[1], Value) and isinstance(args[0], (int, float)):
        number, value = args
        if name in ("add", "mul"):
            return Call(kind_of_call(name, function, [number], kwargs, 1), [value], [])
        return Call(RowFunction(lambda x: function(number, x)), [value], [])  # 1 − x
    if len(args) == 2 and any(isinstance(each, nn.Parameter) for each in args) and name in ("add", "sub", "mul", "truediv"):
        return _with_parameter(name, function, args)
    if len(args) == 2 and any(is_constant(each) for each in args) and ALIASES.get(name, name) in WITH_ANOTHER and not kwargs:
        return _with_constant(ALIASES.get(name, name), function, args)
    inputs = [each for each in args if isinstance(each, Value)]
    if args[: len(inputs)] != inputs or any(isinstance(each, Value) for each in kwargs.values()):
        return Call(None, [], [])
    return Call(kind_of_call(name, function, args[len(inputs) :], kwargs, len(inputs)), inputs, [])


def is_constant(argument: Any) -> bool:
    """Whether it is a buffer of the module, or was made of such: no part of θ, and the same for every row."""
    return isinstance(argument, Tensor) and not isinstance(argument, nn.Parameter)


def _with_constant(name: str, function: Callable[..., Any], args: list[Any]) -> Call:
    """A constant beside a value, as the means and scales of features are."""
    constant = next(each for each in args if is_constant(each))
    others = [each for each in args if isinstance(each, Value)]
    if len(others) != 1:
        return Call(None, [], [])
    is_first = args[0] is constant

    def applied(x: Tensor) -> Any:
        return function(constant.to(x), x) if is_first else function(x, constant.to(x))

    bends = is_first and name in ("truediv", "div")
    return Call(RowFunction(applied) if bends else LinearMap(applied), others, [])


def _with_parameter(name: str, function: Callable[..., Any], args: list[Any]) -> Call:
    """A parameter of the module's own beside a value, as the scale of a branch is."""
    parameter = next(each for each in args if isinstance(each, nn.Parameter))
    others = [each for each in args if isinstance(each, Value)]
    if len(others) != 1:
        return Call(None, [], [])
    is_first = args[0] is parameter
    is_divisor = name == "truediv" and not is_first
    layer = RowFunction(
        lambda w, x: function(w, x) if is_first else function(x, w),
        ("parameter",),
        is_piecewise_linear=not (name == "truediv" and is_first),
        is_linear_in_weights=not is_divisor,
    )
    return Call(layer, others, [parameter])
