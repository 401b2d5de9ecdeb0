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
from torch.nn.attention import SDPBackend, sdpa_kernel

from lightning_modules.networks import make_activation
from lightning_modules.objectives.graphs.untraceable import UntraceableError
from lightning_modules.objectives.graphs.value import ROWS
from lightning_modules.objectives.layers import (
    Activated,
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
CLOSED_NAMES = ("relu", "sigmoid", "tanh")
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
WITH_DIMENSIONS = ("mean", "sum", "amax", "amin", "softmax", "log_softmax", "logsumexp", "cumsum", "flip")


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
    if tensors > 1:
        return _of_several(plain, call, list(args), options, tensors)
    if tensors != 1 or any(isinstance(each, Tensor) for each in (*args, *options.values())):
        return None
    if plain in ARITHMETIC and args and not options:
        function, is_straight = ARITHMETIC[plain]
        number = args[0]
        return Elementwise(lambda x: function(x, number), is_straight) if isinstance(number, (int, float)) else None
    if plain in CLOSED_NAMES and not args and not options:
        return Activated(make_activation(plain))
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


def _of_several(name: str, call: Callable[..., Any], args: list[Any], options: dict[str, Any], tensors: int) -> Layer | None:
    """Where values meet."""
    if tensors == 3 and name == "scaled_dot_product_attention":
        return _attention(call, args, options)
    if tensors != 2 or args or options:
        return None
    if name in ("add", "sub"):
        return Sum(1.0 if name == "add" else -1.0)
    if name in ("mul", "truediv", "div"):
        return RowFunction(ARITHMETIC[name][0])
    if name in ("maximum", "minimum", "max", "min"):
        return RowFunction(torch.maximum if name.startswith("max") else torch.minimum, is_piecewise_linear=True)
    return RowFunction(_matrix_product) if name in ("matmul", "bmm") else None


def _matrix_product(x: Tensor, y: Tensor) -> Tensor:
    """The product of two matrices of each row."""
    if x.ndim < 3 or y.ndim < 3:
        raise ValueError(
            f"a product of values of shapes {tuple(x.shape)} and {tuple(y.shape)} mixes rows: give each row two matrices"
        )
    return x @ y


def _attention(call: Callable[..., Any], args: list[Any], options: dict[str, Any]) -> Layer | None:
    """softmax(Q Kᵀ / √d) V of each row."""
    options = dict(zip(("attn_mask", "dropout_p", "is_causal"), args, strict=False)) | options
    mask = options.pop("attn_mask", None)
    if isinstance(mask, Tensor) and mask.ndim > 2:  # which may have one for each row
        return None
    if options.get("dropout_p", 0.0) > 0:
        raise UntraceableError(
            "scaled_dot_product_attention() in the module's forward has dropout_p > 0, which is random, so the loss has no "
            "curvature: give it dropout_p=0, or use a method of torch.optim"
        )

    def attended(*x: Tensor) -> Tensor:
        here = None if mask is None else mask.to(x[0].device, torch.bool if mask.dtype == torch.bool else x[0].dtype)
        # It has several kernels, and this one alone has second derivatives.
        with sdpa_kernel(SDPBackend.MATH):
            result: Tensor = call(*x, here, **options)
        return result

    return RowFunction(attended)


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
            new = 1 if name == "unsqueeze" else 0
            dims = [] if dim is None else [dim]
            return Reshape(_within_rows(lambda x: getattr(torch.Tensor, name)(x, *args, **options), name, dims, new))
    if name in ("transpose", "swapaxes") and len(args) == 2 and 0 not in args:
        return LinearMap(_within_rows(lambda x: x.transpose(*args), name, args))
    if name == "getattr" and args == ["mT"]:
        return LinearMap(_within_rows(lambda x: x.mT, "mT", [-2, -1]))
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
    function = _within_rows(lambda x: call(x, *args, **options), name, every)
    return LinearMap(function) if name in ("mean", "sum", "cumsum", "flip") else RowFunction(function)


def _within_rows(
    function: Callable[[Tensor], Tensor], name: str, dims: Sequence[int], new: int = 0
) -> Callable[[Tensor], Tensor]:
    """A function over dimensions that may be counted from behind: none of them may turn out to be that of the rows.

    Args:
        function: itself.
        name: its own.
        dims: what it runs over.
        new: how many dimensions it adds.
    """

    def checked(x: Tensor) -> Tensor:
        if any(dim + x.ndim + new == 0 for dim in dims):
            raise ValueError(f"{name}() over dimension {-x.ndim - new} of values of shape {tuple(x.shape)} mixes rows")
        return function(x)

    return checked


def concatenation(dim: int) -> Layer | None:
    """Branches side by side; None along the rows."""
    return None if dim == 0 else Concatenation(dim)
