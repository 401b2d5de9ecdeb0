"""Calls in a module's `forward` that take its own parameters: functions of layers, matrix products, scales and shifts."""

from collections.abc import Callable
from inspect import signature
from typing import Any, NamedTuple

from torch import Tensor, nn

from lightning_modules.objectives.graphs.function_kinds import ARITHMETIC
from lightning_modules.objectives.graphs.module_kinds import kind_of
from lightning_modules.objectives.graphs.value import Transposed
from lightning_modules.objectives.layers import Layer, LinearByColumns, RowFunction


class OwnWeights(NamedTuple):
    """A layer whose weights are no layer's of torch.

    Attributes:
        layer: its kind.
        value: what it takes.
        weights: parameters, in the order of the layer's own.
    """

    layer: Layer
    value: Any
    weights: list[nn.Parameter]


def same_weight(name: str, args: list[Any]) -> nn.Parameter | Transposed | None:
    """What stands for a parameter again: w[:], all of it, and W.T, W.mT, W.t() and W.transpose(0, 1) of a matrix."""
    if not args or not isinstance(args[0], nn.Parameter):
        return None
    if name == "getitem" and _is_whole(args[0], args[1]):
        return args[0]
    if args[0].ndim != 2:
        return None
    asked = (name, *args[1:])
    known = asked in (("getattr", "T"), ("getattr", "mT"), ("t",))
    swaps = name in ("transpose", "swapaxes") and sorted(each % 2 for each in args[1:]) == [0, 1]
    return Transposed(args[0]) if known or swaps else None


def _is_whole(parameter: Tensor, places: Any) -> bool:
    """Whether a part of a parameter is all of it: `self.places[:, :x.shape[1]]`."""
    every = places if isinstance(places, tuple) else (places,)
    if not all(isinstance(each, slice) and each.step in (None, 1) for each in every):
        return False
    return parameter.detach()[places].shape == parameter.shape


def with_own_weights(name: str, args: list[Any], kwargs: dict[str, Any]) -> OwnWeights | None:
    """The layer that a call is; None of one that is no function of a layer and has no parameters beside the value.

    Args:
        name: of the function, of one in place that of the other.
        args, kwargs: what it is called with.
    """
    if name in STAND_INS:
        return _as_module(STAND_INS[name], args, kwargs)
    if len(args) != 2 or kwargs:
        return None
    if name == "matmul":
        return _product(*args)
    if name in ARITHMETIC and name != "pow" and any(isinstance(each, nn.Parameter) for each in args):
        return _elementwise(name, args)
    return None


def _as_module(stand_in: Callable[..., nn.Module], args: list[Any], kwargs: dict[str, Any]) -> OwnWeights | None:
    try:
        given = signature(stand_in).bind(*args[1:], **kwargs).arguments
    except TypeError:
        return None
    weights = {each: given[each] for each in ("weight", "bias") if given.get(each) is not None}
    if not all(isinstance(each, nn.Parameter) for each in weights.values()):
        return None
    try:
        layer = kind_of(stand_in(**given), "forward")
    except IndexError:  # a vector where a matrix belongs
        return None
    assert layer is not None, "stand-ins are layers"
    known = set(layer.parameters) == set(weights)
    return OwnWeights(layer, args[0], [weights[each] for each in layer.parameters]) if known else None


def _product(x: Any, weight: Any) -> OwnWeights | None:
    """x W or x Wᵀ."""
    if isinstance(weight, Transposed):
        return _as_module(_linear, [x, weight.parameter], {})
    if isinstance(weight, nn.Parameter) and weight.ndim == 2:
        return OwnWeights(LinearByColumns(weight), x, [weight])
    return None


def _elementwise(name: str, args: list[Any]) -> OwnWeights | None:
    """A parameter beside a value, as the scale of a branch is."""
    function, is_first = ARITHMETIC[name][0], isinstance(args[0], nn.Parameter)
    parameter, value = args if is_first else reversed(args)
    is_quotient = name in ("truediv", "div")
    layer = RowFunction(
        lambda w, x: function(w, x) if is_first else function(x, w),
        ("parameter",),
        is_piecewise_linear=not (is_quotient and is_first),
        is_linear_in_weights=is_first or not is_quotient,
    )
    return OwnWeights(layer, value, [parameter])


# -- modules without numbers that compute what a function does, from the arguments behind its input ------------------------


def _linear(weight: Tensor, bias: Tensor | None = None) -> nn.Module:
    return nn.Linear(weight.shape[1], weight.shape[0], bias is not None, device="meta")


def _convolution(kind: Callable[..., nn.Module]) -> Callable[..., nn.Module]:
    def made(
        weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
    ) -> nn.Module:
        channels = (weight.shape[1] * groups, weight.shape[0])
        options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups, "bias": bias is not None}
        return kind(*channels, tuple(weight.shape[2:]), **options, device="meta")

    return made


def _layer_norm(
    normalized_shape: Any, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> nn.Module:
    return nn.LayerNorm(normalized_shape, eps, weight is not None, bias is not None, device="meta")


def _rms_norm(normalized_shape: Any, weight: Tensor | None = None, eps: float | None = None) -> nn.Module:
    return nn.RMSNorm(normalized_shape, eps, weight is not None, device="meta")


def _group_norm(num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5) -> nn.Module:
    return nn.GroupNorm(num_groups, len(weight) if weight is not None else num_groups, eps, weight is not None, device="meta")


def _embedding(weight: Tensor, padding_idx: int | None = None) -> nn.Module:
    return nn.Embedding(len(weight), weight.shape[1], padding_idx, device="meta")


def _prelu(weight: Tensor) -> nn.Module:
    return nn.PReLU(len(weight), device="meta")


STAND_INS: dict[str, Callable[..., nn.Module]] = {
    "linear": _linear,
    "conv1d": _convolution(nn.Conv1d),
    "conv2d": _convolution(nn.Conv2d),
    "conv3d": _convolution(nn.Conv3d),
    "layer_norm": _layer_norm,
    "rms_norm": _rms_norm,
    "group_norm": _group_norm,
    "embedding": _embedding,
    "prelu": _prelu,
}
