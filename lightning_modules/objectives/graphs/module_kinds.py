"""Which kind of layer a module of torch is."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from lightning_modules.networks import Activation, make_activation
from lightning_modules.objectives.graphs.untraceable import FALL_BACK, UntraceableError
from lightning_modules.objectives.layers import (
    Activated,
    Convolution,
    Elementwise,
    Embedding,
    FrozenNormalization,
    GroupNormalization,
    InstanceNormalization,
    Layer,
    LayerNormalization,
    Linear,
    LinearMap,
    MaxPooling,
    Reshape,
    RootMeanSquareNormalization,
    RowFunction,
    TransposedConvolution,
)

BatchNorm = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d
InstanceNorm = nn.InstanceNorm1d | nn.InstanceNorm2d | nn.InstanceNorm3d
Dropout = nn.Dropout | nn.Dropout1d | nn.Dropout2d | nn.Dropout3d | nn.AlphaDropout | nn.FeatureAlphaDropout
# Whose derivative needs no second pass of the function.
CLOSED = {nn.ReLU: "relu", nn.Sigmoid: "sigmoid", nn.Tanh: "tanh"}
BENT = (
    *(nn.CELU, nn.ELU, nn.GELU, nn.Hardswish, nn.LogSigmoid, nn.Mish, nn.SELU, nn.SiLU, nn.Sigmoid, nn.Softplus),
    *(nn.Softsign, nn.Tanh, nn.Tanhshrink),
)
STRAIGHT = (nn.Hardsigmoid, nn.Hardshrink, nn.Hardtanh, nn.LeakyReLU, nn.ReLU, nn.ReLU6, nn.Softshrink, nn.Threshold)
LINEAR = (
    *(nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d, nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d),
    *(nn.CircularPad1d, nn.CircularPad2d, nn.CircularPad3d, nn.ConstantPad1d, nn.ConstantPad2d, nn.ConstantPad3d),
    *(nn.ReflectionPad1d, nn.ReflectionPad2d, nn.ReflectionPad3d),
    *(nn.ReplicationPad1d, nn.ReplicationPad2d, nn.ReplicationPad3d, nn.ZeroPad1d, nn.ZeroPad2d, nn.ZeroPad3d),
    *(nn.PixelShuffle, nn.PixelUnshuffle, nn.ChannelShuffle, nn.Upsample, nn.UpsamplingNearest2d),
    *(nn.UpsamplingBilinear2d, nn.Fold, nn.Unfold),
)
POOLS: dict[type[nn.Module], Callable[..., Any]] = {
    nn.MaxPool1d: functional.max_pool1d,
    nn.MaxPool2d: functional.max_pool2d,
    nn.MaxPool3d: functional.max_pool3d,
    nn.AdaptiveMaxPool1d: functional.adaptive_max_pool1d,
    nn.AdaptiveMaxPool2d: functional.adaptive_max_pool2d,
    nn.AdaptiveMaxPool3d: functional.adaptive_max_pool3d,
}
# Without weights, mixing the numbers of a row only, and bent.
ROW_FUNCTIONS = (nn.GLU, nn.LocalResponseNorm, nn.LPPool1d, nn.LPPool2d, nn.Softmax2d)


def kind_of(module: nn.Module, name: str) -> Layer | None:
    """The layer that a module is, None of one that is made of others.

    Args:
        module: any.
        name: where it stands in the network, for messages.

    Raises:
        UntraceableError: in its present mode it takes no row by itself, or is another function at each evaluation.
    """
    if isinstance(module, Activation):
        return Activated(module)
    kind = _plain_kind(type(module))
    if any(not parameter.numel() for parameter in module.parameters(recurse=False)):
        raise UntraceableError(f"{kind.__name__} {name!r} has weights of no numbers: give it a width above 0; {FALL_BACK}")
    if kind in KINDS:
        return KINDS[kind](module)
    if kind in CLOSED:
        return Activated(make_activation(CLOSED[kind]))
    if kind in BENT + STRAIGHT:
        return Elementwise(_out_of_place(module), kind in STRAIGHT)
    if kind in LINEAR:
        return LinearMap(_of_module(module))
    if kind in POOLS:
        return _max_pooling(module, kind, name)
    return _depending_on_mode(module, name) or _of_some_dimension(module, kind, name)


def _plain_kind(kind: type[nn.Module]) -> type[nn.Module]:
    """The class of torch that a class of somebody's own computes what it does, or itself."""
    for base in kind.__mro__:
        if issubclass(base, nn.Module) and base in PLAIN and base.forward is kind.forward:
            return base
    return kind


def _depending_on_mode(module: nn.Module, name: str) -> Layer | None:
    """Layers that are another function in training than in evaluation."""
    kind = type(module).__name__
    if isinstance(module, Dropout):
        if module.training and module.p > 0:
            raise UntraceableError(
                f"{kind} {name!r} is random in training, so the loss is another function at each evaluation and has no "
                "curvature: set its p to 0 or call its eval(), or use a method of torch.optim"
            )
        return Reshape(_identity)
    if isinstance(module, BatchNorm):
        if module.training or module.running_mean is None:
            raise UntraceableError(
                f"{kind} {name!r} normalises by the batch, so a row's output depends on the rows beside it: call its eval() to "
                "use its running statistics, replace it by GroupNorm, or use a method of torch.optim"
            )
        return FrozenNormalization(module)
    if isinstance(module, InstanceNorm):
        if module.track_running_stats:
            raise UntraceableError(
                f"{kind} {name!r} keeps running statistics: make it with track_running_stats=False, or use GroupNorm"
            )
        return InstanceNormalization(module)
    return None


def _of_some_dimension(module: Any, kind: type[nn.Module], name: str) -> Layer | None:
    """Layers without weights that mix the numbers of a row, bent."""
    if kind in ROW_FUNCTIONS:
        return RowFunction(_of_module(module))
    if not isinstance(module, (nn.Softmax, nn.LogSoftmax, nn.Softmin)):
        return None
    if module.dim in (None, 0):
        raise UntraceableError(
            f"{type(module).__name__} {name!r} has dim={module.dim}, which mixes rows: say dim=1, or leave it out where "
            "loss='cross_entropy' contains it"
        )
    return RowFunction(_of_module(module))


def _max_pooling(module: Any, kind: type[nn.Module], name: str) -> Layer:
    if module.return_indices:
        raise UntraceableError(
            f"{type(module).__name__} {name!r} returns indices beside its output: make it with return_indices=False"
        )
    pool = POOLS[kind]
    if "Adaptive" in kind.__name__:
        return MaxPooling(partial(pool, output_size=module.output_size, return_indices=True))
    options = {each: getattr(module, each) for each in ("kernel_size", "stride", "padding", "dilation", "ceil_mode")}
    return MaxPooling(partial(pool, **options, return_indices=True))


def _embedding(module: nn.Embedding) -> Layer:
    if module.max_norm is not None or module.scale_grad_by_freq:
        raise UntraceableError(
            "Embedding with max_norm or scale_grad_by_freq changes its weights or gradients as it reads them: make it without"
        )
    return Embedding(module)


def _bilinear(weight: Tensor, *others: Tensor) -> Tensor:
    """x₁ᵀ W x₂ + b, from W, b if there is one, x₁ and x₂; torch's own call is slow for each row alone."""
    *bias, left, right = others
    z = torch.einsum("...i,oij,...j->...o", left, weight, right)
    return z + bias[0] if bias else z


def _of_module(module: nn.Module) -> Callable[[Tensor], Tensor]:
    def function(x: Tensor) -> Tensor:
        result: Tensor = module(x)
        return result

    return function


def _out_of_place(module: nn.Module) -> Callable[[Tensor], Tensor]:
    """What a module computes, beside its input and not in its place."""
    if not getattr(module, "inplace", False):
        return _of_module(module)
    # The same function from the same settings: nobody's module is changed.
    twin = type(module).__new__(type(module))
    twin.__dict__.update(module.__dict__)
    twin.__dict__["inplace"] = False
    return _of_module(twin)


def _identity(x: Tensor) -> Tensor:
    return x


KINDS: dict[type[nn.Module], Callable[[Any], Layer]] = {
    nn.Linear: Linear,
    nn.Conv1d: Convolution,
    nn.Conv2d: Convolution,
    nn.Conv3d: Convolution,
    nn.ConvTranspose1d: TransposedConvolution,
    nn.ConvTranspose2d: TransposedConvolution,
    nn.ConvTranspose3d: TransposedConvolution,
    nn.LayerNorm: LayerNormalization,
    nn.RMSNorm: RootMeanSquareNormalization,
    nn.GroupNorm: GroupNormalization,
    nn.Embedding: _embedding,
    nn.Identity: lambda _: Reshape(_identity),
    nn.Flatten: lambda module: Reshape(_of_module(module)),
    nn.Unflatten: lambda module: Reshape(_of_module(module)),
    nn.PReLU: lambda _: RowFunction(lambda weight, x: torch.prelu(x, weight), ("weight",), True, True),
    nn.Bilinear: lambda module: RowFunction(
        _bilinear, ("weight", "bias") if module.bias is not None else ("weight",), is_linear_in_weights=True
    ),
}
PLAIN = {*KINDS, *BENT, *STRAIGHT, *LINEAR, *POOLS, *ROW_FUNCTIONS}
