"""Which kind of layer a call in a module's `forward` is: functions of torch and operators of Python.

Only what takes each row by itself is here. What a dimension is counted from matters: the rows are dimension 0.
"""

import inspect
import operator
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from lightning_modules.objectives.graphs.untraceable import UntraceableError
from lightning_modules.objectives.layers import (
    Concatenation,
    Elementwise,
    Layer,
    LinearMap,
    MaxPooling,
    Reshape,
    RowFunction,
    Sum,
)

BENT_NAMES = (
    *("celu", "cos", "elu", "erf", "exp", "gelu", "hardswish", "log", "log1p", "logsigmoid", "mish", "pow", "reciprocal"),
    *("rsqrt", "selu", "sigmoid", "silu", "sin", "softplus", "softsign", "sqrt", "square", "tanh", "tanhshrink"),
)
STRAIGHT_NAMES = (
    *("abs", "clamp", "hardshrink", "hardsigmoid", "hardtanh", "leaky_relu", "neg", "relu", "relu6", "softshrink"),
    *("threshold", "hardtanh_", "relu_", "leaky_relu_"),
)
MAX_POOLS = ("max_pool1d", "max_pool2d", "max_pool3d")
LINEAR_NAMES = (
    *("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d"),
    *("interpolate", "pixel_shuffle", "pixel_unshuffle", "channel_shuffle"),
)
# Of one number beside the rows, straight or bent.
ARITHMETIC: dict[str, tuple[Callable[..., Any], bool]] = {
    "add": (operator.add, True),
    "sub": (operator.sub, True),
    "mul": (operator.mul, True),
    "truediv": (operator.truediv, True),
    "div": (operator.truediv, True),
    "pow": (operator.pow, False),
}
ALIASES = {"iadd": "add", "isub": "sub", "imul": "mul", "itruediv": "truediv", "subtract": "sub", "multiply": "mul"}
WITH_DIMENSIONS = ("mean", "sum", "amax", "amin", "softmax", "log_softmax", "norm", "logsumexp", "cumsum", "flip", "roll")


class Rows:
    """The number of rows, where a module's `forward` asks for it: `x.view(x.size(0), -1)`."""


ROWS = Rows()


def kind_of_call(
    name: str, call: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any], tensors: int
) -> Layer | None:
    """The layer that a call is; None of one that is not known to take each row by itself.

    Args:
        name: of the function or method.
        call: the function itself, which takes the tensors first, as torch's do.
        args, kwargs: what it is called with beside the tensors, which come first.
        tensors: how many there are.
    """
    options = {key: value for key, value in kwargs.items() if key != "inplace"}
    plain = name.rstrip("_") if not name.startswith("_") else name
    plain = ALIASES.get(plain, plain)
    if tensors == 2:
        if plain in ("add", "sub") and not args and not options:
            return Sum(1.0 if plain == "add" else -1.0)
        if plain in ("mul", "truediv", "div") and not args and not options:
            return RowFunction(ARITHMETIC[plain][0])
        return None
    if tensors != 1 or any(isinstance(each, Tensor) for each in (*args, *options.values())):
        return None
    if plain in ARITHMETIC and args and not options:
        function, is_straight = ARITHMETIC[plain]
        number = args[0]
        return Elementwise(lambda x: function(x, number), is_straight) if isinstance(number, (int, float)) else None
    if plain in BENT_NAMES or plain in STRAIGHT_NAMES:
        # The ones that torch has in place only differ in that.
        beside = getattr(torch, plain, None) or getattr(functional, plain)
        without = [each for each in args if not isinstance(each, bool)]
        return Elementwise(lambda x: beside(x, *without, **options), plain in STRAIGHT_NAMES)
    if plain in MAX_POOLS:
        pool = getattr(functional, plain)
        bound = inspect.signature(getattr(functional, f"{plain}_with_indices")).bind(None, *args, **options).arguments
        bound.pop("input", None)
        bound.pop("return_indices", None)
        return MaxPooling(partial(pool, **bound, return_indices=True))
    if plain in LINEAR_NAMES:
        return LinearMap(lambda x: call(x, *args, **options))
    if plain == "pad":
        return LinearMap(lambda x: functional.pad(x, *args, **options))
    if plain in ("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout"):
        if (options.get("training", args[1] if len(args) > 1 else True)) and options.get("p", args[0] if args else 0.5) > 0:
            raise UntraceableError(
                f"{plain}() in the module's forward is random in training, so the loss has no curvature: call module.eval() "
                "before, or use a method of torch.optim"
            )
        return Reshape(lambda x: x)
    return _of_shape(plain, call, list(args), options) or _with_dimensions(plain, call, list(args), options)


def _of_shape(name: str, call: Callable[..., Any], args: list[Any], options: dict[str, Any]) -> Layer | None:
    """The same numbers of each row in another shape."""
    if name == "flatten" and (options.get("start_dim", args[0] if args else 0)) >= 1:
        return Reshape(lambda x: torch.flatten(x, *args, **options))
    if name in ("view", "reshape"):
        sizes = list(args[0]) if len(args) == 1 and isinstance(args[0], (tuple, list, torch.Size)) else args
        if sizes and (sizes[0] is ROWS or sizes[0] == -1) and all(isinstance(size, int) for size in sizes[1:]):
            return Reshape(lambda x: x.reshape(len(x), *sizes[1:]))
    if name in ("unsqueeze", "squeeze", "contiguous", "clone", "unflatten"):
        dim = options.get("dim", args[0] if args else None)
        if name in ("contiguous", "clone") or (isinstance(dim, int) and dim != 0):
            return Reshape(lambda x: getattr(torch.Tensor, name)(x, *args, **options))
    if name == "transpose" and len(args) == 2 and 0 not in args:
        return LinearMap(lambda x: x.transpose(*args))
    if name in ("permute", "movedim"):
        order = list(args[0]) if len(args) == 1 else args
        if name == "permute" and order and order[0] == 0:
            return LinearMap(lambda x: x.permute(*order))
    if name == "getitem":
        places = args[0] if isinstance(args[0], tuple) else (args[0],)
        if places and places[0] in (slice(None), Ellipsis) and not any(isinstance(place, Tensor) for place in places):
            return LinearMap(lambda x: x[args[0]])
    return None


def _with_dimensions(name: str, call: Callable[..., Any], args: list[Any], options: dict[str, Any]) -> Layer | None:
    """What runs over dimensions, none of which may be that of the rows."""
    if name not in WITH_DIMENSIONS:
        return None
    dims = options.get("dim", options.get("dims", args[0] if args else None))
    every = [dims] if isinstance(dims, int) else list(dims or [])
    if not every or 0 in every:
        return None
    function: Callable[[Tensor], Tensor] = lambda x: call(x, *args, **options)  # noqa: E731
    return LinearMap(function) if name in ("mean", "sum", "cumsum", "flip", "roll") else RowFunction(function)


def concatenation(dim: int) -> Layer | None:
    """Branches side by side; None along the rows."""
    return None if dim == 0 else Concatenation(dim)
