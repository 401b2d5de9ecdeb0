"""The activations a network can be told by name: φ, φ′ and φ″ of each.

Derivatives are the inner loop of training, hence two habits below. A mask is a sign, not a comparison: turning booleans
into numbers costs eight times as much. And 1 − h² is one pass over the memory, not two.
"""

from math import inf

import torch
from torch import Tensor
from torch.nn.functional import hardtanh, softplus

from lightning_modules.networks.activation import Activation
from lightning_modules.networks.unknown_name import unknown_name

LEAK = 0.01


class ReLU(Activation):
    """φ(z) = max(z, 0); φ′(0) = 0."""

    piecewise_linear = True
    bounds = (0.0, inf)

    def forward(self, z: Tensor) -> Tensor:
        return torch.relu(z)

    def derivative(self, z: Tensor, h: Tensor) -> Tensor:
        return torch.sign(h)

    def pull_back(self, e: Tensor, z: Tensor, h: Tensor) -> Tensor:
        return torch.ops.aten.threshold_backward(e, h.expand_as(e), 0)

    def second_derivative(self, z: Tensor, h: Tensor) -> Tensor:
        return torch.zeros_like(z)


class Sigmoid(Activation):
    """φ(z) = 1 / (1 + e⁻ᶻ), φ′ = h − h², φ″ = φ′ (1 − 2h)."""

    bounds = (0.0, 1.0)

    def forward(self, z: Tensor) -> Tensor:
        return torch.sigmoid(z)

    def derivative(self, z: Tensor, h: Tensor) -> Tensor:
        return torch.addcmul(h, h, h, value=-1)

    def second_derivative(self, z: Tensor, h: Tensor) -> Tensor:
        return self.derivative(z, h) * (1 - 2 * h)


class Identity(Activation):
    """φ(z) = z: a linear layer."""

    piecewise_linear = True

    def forward(self, z: Tensor) -> Tensor:
        return z

    def derivative(self, z: Tensor, h: Tensor) -> Tensor:
        return torch.ones_like(z)

    def pull_back(self, e: Tensor, z: Tensor, h: Tensor) -> Tensor:
        return e

    def second_derivative(self, z: Tensor, h: Tensor) -> Tensor:
        return torch.zeros_like(z)


class Sign(Activation):
    """φ(z) = −1, 0 or 1 as z is negative, 0 or positive; φ′ = 0, which does not see the jump: no gradient passes."""

    piecewise_linear = True
    bounds = (-1.0, 1.0)
    twice_differentiable = False

    def forward(self, z: Tensor) -> Tensor:
        return torch.sign(z)

    def derivative(self, z: Tensor, h: Tensor) -> Tensor:
        return torch.zeros_like(z)

    def second_derivative(self, z: Tensor, h: Tensor) -> Tensor:
        return torch.zeros_like(z)


class Tanh(Activation):
    """φ(z) = tanh z, φ′ = 1 − h², φ″ = −2 h φ′."""

    bounds = (-1.0, 1.0)

    def forward(self, z: Tensor) -> Tensor:
        return torch.tanh(z)

    def derivative(self, z: Tensor, h: Tensor) -> Tensor:
        return one_minus_square(h)

    def second_derivative(self, z: Tensor, h: Tensor) -> Tensor:
        return -2 * h * one_minus_square(h)


class HardTanh(Activation):
    """φ(z) = z between −1 and 1, and the nearer of them beyond; φ′(±1) = 0."""

    piecewise_linear = True
    bounds = (-1.0, 1.0)

    def forward(self, z: Tensor) -> Tensor:
        return hardtanh(z)

    def derivative(self, z: Tensor, h: Tensor) -> Tensor:
        return torch.sign(one_minus_square(h))

    def second_derivative(self, z: Tensor, h: Tensor) -> Tensor:
        return torch.zeros_like(z)


class LeakyTanh(Activation):
    """φ(z) = tanh z for z > 0 and 0.01 z below; φ′(0) = 0.01.

    With the positive part r = max(h, 0): φ′ = 0.01 + 0.99 sign r − r² and φ″ = −2 r (1 − r²).
    """

    def forward(self, z: Tensor) -> Tensor:
        return torch.tanh(torch.relu(z)) + LEAK * z.clamp(max=0)

    def derivative(self, z: Tensor, h: Tensor) -> Tensor:
        r = torch.relu(h)
        return torch.addcmul(LEAK + (1 - LEAK) * torch.sign(r), r, r, value=-1)

    def second_derivative(self, z: Tensor, h: Tensor) -> Tensor:
        r = torch.relu(h)
        return -2 * r * one_minus_square(r)


class Softplus(Activation):
    """φ(z) = log(1 + eᶻ), φ′ = σ(z), φ″ = σ(z) σ(−z)."""

    bounds = (0.0, inf)

    def forward(self, z: Tensor) -> Tensor:
        # PyTorch's becomes linear above 20 by default, an error of 2e-9, so move that out.
        return softplus(z, threshold=40)

    def derivative(self, z: Tensor, h: Tensor) -> Tensor:
        return torch.sigmoid(z)

    def second_derivative(self, z: Tensor, h: Tensor) -> Tensor:
        return torch.sigmoid(z) * torch.sigmoid(-z)


ACTIVATIONS: dict[str, type[Activation]] = {
    "relu": ReLU,
    "sigmoid": Sigmoid,
    "identity": Identity,
    "sign": Sign,
    "tanh": Tanh,
    "hard_tanh": HardTanh,
    "leaky_tanh": LeakyTanh,
    "softplus": Softplus,
}


def make_activation(name: str) -> Activation:
    """The activation of a name in `ACTIVATIONS`.

    Raises:
        ValueError: there is none of that name, or it is no function of each unit alone.
    """
    if name in ("softmax", "log_softmax"):
        raise ValueError(
            f"{name} mixes the units of a layer, so it is no activation: it belongs at the output, where "
            "loss='cross_entropy' contains it"
        )
    if name not in ACTIVATIONS:
        raise unknown_name("activation", name, ACTIVATIONS)
    return ACTIVATIONS[name]()


def one_minus_square(h: Tensor) -> Tensor:
    """1 − h² in one pass over h: any shape -> the same."""
    return torch.addcmul(h.new_ones(()), h, h, value=-1)
