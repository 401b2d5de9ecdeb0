"""Modules of every kind of layer, each in a small network with other layers below and above it, drawn from one seed."""

from collections.abc import Callable
from random import Random

import torch
from torch import Tensor, nn
from torch.nn import functional

from lightning_modules.objectives import GraphObjective
from lightning_modules.objectives.families import Categorical, SquaredError

# What makes a layer of a seeded generator, and the shape of a row that it takes.
Made = tuple[nn.Module, tuple[int, ...]]
KINDS: dict[str, Callable[[Random], Made]] = {}


def kind(make: Callable[[Random], Made]) -> Callable[[Random], Made]:
    KINDS[make.__name__] = make
    return make


def _convolution(draw: Random, dimensions: int, is_transposed: bool) -> Made:
    groups = draw.choice([1, 1, 2])
    channels, out = groups * draw.randint(1, 2), groups * draw.randint(1, 2)
    kernel, stride, dilation = draw.randint(1, 3), draw.randint(1, 2), draw.randint(1, 2)
    size = tuple(draw.randint(5, 6) if dimensions < 3 else 3 if is_transposed else 5 for _ in range(dimensions))
    options = {"stride": stride, "dilation": dilation, "groups": groups, "bias": draw.random() < 0.7}
    name = f"Conv{'Transpose' if is_transposed else ''}{dimensions}d"
    if is_transposed:
        # The output's padding may be anything less than stride and dilation.
        options |= {"padding": draw.randint(0, 1), "output_padding": draw.randint(0, max(stride, dilation) - 1)}
    elif draw.random() < 0.3:
        options |= {"padding": "same", "stride": 1}
    else:
        modes = ["zeros", "zeros", "reflect", "replicate", "circular"]
        options |= {"padding": draw.randint(0, 2), "padding_mode": draw.choice(modes)}
    return getattr(nn, name)(channels, out, kernel, **options), (channels, *size)


for dims in (1, 2, 3):
    for transposed in (False, True):
        KINDS[f"conv{'_transpose' if transposed else ''}{dims}d"] = lambda draw, d=dims, t=transposed: _convolution(draw, d, t)


@kind
def linear(draw: Random) -> Made:
    width = draw.randint(1, 4)
    return nn.Linear(width, draw.randint(1, 4), bias=draw.random() < 0.7), (*([draw.randint(2, 3)] * draw.randint(0, 2)), width)


@kind
def bilinear_pair(draw: Random) -> Made:
    return _Pair(draw.randint(2, 4)), (4,)


@kind
def layer_norm(draw: Random) -> Made:
    shape = tuple(draw.randint(2, 3) for _ in range(draw.randint(1, 2)))
    return nn.LayerNorm(shape, elementwise_affine=draw.random() < 0.7), (*([2] * draw.randint(0, 1)), *shape)


@kind
def rms_norm(draw: Random) -> Made:
    eps = draw.choice([None, 0.1])
    return nn.RMSNorm([3] * draw.randint(1, 2), eps, elementwise_affine=draw.random() < 0.7), (
        *([2] * draw.randint(0, 1)),
        3,
        3,
    )


@kind
def group_norm(draw: Random) -> Made:
    return nn.GroupNorm(2, 4, affine=draw.random() < 0.7), (4, *([3] * draw.randint(1, 2)))


@kind
def instance_norm(draw: Random) -> Made:
    return nn.InstanceNorm2d(2, affine=draw.random() < 0.7), (2, 3, 4)


@kind
def frozen_batch_norm(draw: Random) -> Made:
    layer = [nn.BatchNorm1d, nn.BatchNorm2d][draw.randint(0, 1)](3, affine=draw.random() < 0.7)
    layer.running_mean.normal_()
    layer.running_var.uniform_(0.5, 2)
    return layer.eval(), (3, 4, 3) if isinstance(layer, nn.BatchNorm2d) else (3,)


@kind
def max_pool(draw: Random) -> Made:
    dimensions = draw.randint(1, 3)
    options = {"stride": draw.randint(1, 3), "padding": draw.randint(0, 1), "ceil_mode": draw.random() < 0.5}
    return getattr(nn, f"MaxPool{dimensions}d")(draw.randint(2, 3), **options), (2, *([5] * dimensions))


@kind
def average_pool(draw: Random) -> Made:
    return nn.AvgPool2d(draw.randint(2, 3), stride=draw.randint(1, 2), padding=1), (2, 5, 6)


@kind
def adaptive_pool(draw: Random) -> Made:
    name = draw.choice(["AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d"])
    return getattr(nn, name)(2), (2, 5) if "1d" in name else (2, 5, 3)


@kind
def padding(draw: Random) -> Made:
    name = draw.choice(["ZeroPad2d", "ReflectionPad2d", "ReplicationPad2d", "CircularPad2d"])
    layer = draw.choice([nn.ConstantPad2d((1, 2, 0, 1), 3.0), getattr(nn, name)((1, 0, 2, 1))])
    return layer, (2, 4, 3)


@kind
def activation(draw: Random) -> Made:
    names = ["LeakyReLU", "ELU", "SELU", "GELU", "SiLU", "Softplus", "Mish", "ReLU", "Tanh", "Sigmoid", "PReLU", "Hardswish"]
    return getattr(nn, draw.choice([*names, "ReLU6", "Softsign", "LogSigmoid", "CELU"]))(), (5,)


@kind
def sum_of_branches(draw: Random) -> Made:
    return _Branches(draw.choice(["sum", "difference", "product", "gate", "beside", "larger", "matrices"])), (4, 3)


@kind
def attention(draw: Random) -> Made:
    return _Attention(draw.choice(["by hand", "by torch", "causal"])), (4, 3)


@kind
def reshapes(draw: Random) -> Made:
    return nn.Sequential(nn.Unflatten(1, (2, 3)), nn.Upsample(scale_factor=2), nn.Flatten(), nn.Dropout(0.0)), (6,)


class _Pair(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.left, self.right, self.pair = nn.Linear(4, 2), nn.Linear(4, 3), nn.Bilinear(2, 3, width)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.pair(self.left(x), torch.tanh(self.right(x)))
        return result


class _Scale(nn.Module):
    """A weight for each number of a row."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.rand(shape) + 0.5)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale


class _Branches(nn.Module):
    """Two branches that meet, with calls in place of modules."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how, self.first, self.second = how, nn.Linear(3, 3), nn.Linear(3, 3, bias=False)
        self.scale = nn.Parameter(torch.rand(3) + 0.5)

    def forward(self, x: Tensor) -> Tensor:
        a, b = functional.leaky_relu(self.first(x), 0.2), torch.tanh(self.second(x)) * self.scale
        if self.how == "beside":
            return torch.cat([a, b], dim=-1)
        if self.how == "gate":
            return a * torch.sigmoid(b) + x
        if self.how == "product":
            return a * b
        if self.how == "larger":
            return torch.maximum(a, b)
        if self.how == "matrices":
            return torch.bmm(a, b.transpose(1, 2))
        return a + b if self.how == "sum" else (a - b).mul(2.0)


class _Attention(nn.Module):
    def __init__(self, how: str) -> None:
        super().__init__()
        self.how, self.query, self.key, self.value = how, nn.Linear(3, 2), nn.Linear(3, 2), nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.query(x), self.key(x), self.value(x)
        if self.how == "by hand":
            return torch.softmax(q @ k.transpose(-2, -1) / 2**0.5, dim=-1) @ v
        return functional.scaled_dot_product_attention(q, k, v, is_causal=self.how == "causal")


def draw_case(name: str, seed: int) -> tuple[GraphObjective, Tensor, nn.Module]:
    """An objective of a network around a layer of a kind, θ, and the module."""
    torch.manual_seed(seed)
    draw = Random(seed)
    layer, shape = KINDS[name](draw)
    rows, outputs = draw.randint(2, 5), draw.randint(2, 3)
    # Below it something with weights, so that what it sends down counts; above it something that bends.
    module = nn.Sequential(_Scale(shape), layer)
    with torch.no_grad():
        width = module(torch.zeros(2, *shape)).flatten(1).shape[1]
    module.extend([nn.Tanh() if draw.random() < 0.5 else nn.Identity(), nn.Flatten(), nn.Linear(width, outputs)])
    module.double()
    x = torch.randn(rows, *shape, dtype=torch.float64)
    if draw.random() < 0.5:
        loss, y = Categorical(outputs), torch.randint(0, outputs, (rows,))
    else:
        loss, y = SquaredError(outputs), torch.randn(rows, outputs, dtype=torch.float64)
    objective = GraphObjective(module, loss, x, y, l2=draw.choice([0.0, 0.3]))
    return objective, torch.cat([p.detach().flatten() for p in module.parameters()]), module
