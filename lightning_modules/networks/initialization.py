"""W ~ U(−d, d), b = 0: where the weights of a dense network start.

    xavier_uniform     d = √(6 / (in + out))      keeps the variance of signals and of gradients, φ linear near 0
    xavier_half        d = √(½ / (in + out))      a published variant of it, weights √12 times smaller
    kaiming_uniform    d = √(6 / in)              keeps the variance of signals through ReLU; the output layer, which no
                                                  ReLU follows, is xavier_uniform
    a number           d itself

References: X. Glorot and Y. Bengio, Understanding the difficulty of training deep feedforward neural networks (2010),
equation 16; K. He et al., Delving deep into rectifiers (2015), equation 10, of which d = √(6 / in) is the uniform form.
"""

from collections.abc import Callable, Sequence
from math import sqrt

import torch
from torch import nn

from lightning_modules.networks.unknown_name import unknown_name

# 2d has to be a number in single precision.
LARGEST = torch.finfo(torch.float32).max / 2
# d as a function of (inputs, outputs, whether this is the output layer).
BOUNDS: dict[str, Callable[[int, int, bool], float]] = {
    "xavier_uniform": lambda before, after, is_output: sqrt(6 / (before + after)),
    "xavier_half": lambda before, after, is_output: sqrt(0.5 / (before + after)),
    "kaiming_uniform": lambda before, after, is_output: sqrt(6 / (before + after) if is_output else 6 / before),
}


@torch.no_grad()
def initialize(network_layers: Sequence[nn.Linear], initialization: float | str) -> None:
    """Draw the weights of the layers, first to last, from torch's global generator; set their biases to 0.

    Args:
        network_layers: the linear layers, the output layer last.
        initialization: xavier_uniform, xavier_half, kaiming_uniform, or a number d > 0 for uniform weights in ±d.

    Raises:
        ValueError: an unknown name, or a number that is not positive and finite.
    """
    if isinstance(initialization, str) and initialization not in BOUNDS:
        raise unknown_name("initialization", initialization, [*BOUNDS, "a number d for uniform weights in ±d"])
    if not isinstance(initialization, str) and not 0 < initialization <= LARGEST:
        raise ValueError(
            f"initialization={initialization}: weights are drawn from ±d, give a positive d, finite in single precision; "
            "weights all alike would stay so"
        )
    for layer in network_layers:
        is_output = layer is network_layers[-1]
        if isinstance(initialization, str):
            bound = BOUNDS[initialization](layer.in_features, layer.out_features, is_output)
        else:
            bound = initialization
        layer.weight.uniform_(-bound, bound)
        layer.bias.zero_()
