"""Piecewise linear functions as ReLU networks with exact weights.

    tent(x)      = ReLU(3 − ReLU(2x) − ReLU(2x − 1) − ReLU(1 − 2x) − ReLU(2 − 2x))
                 = 2x on [0, ½],  2 − 2x on [½, 1],  0 elsewhere
    dead_zone(x) = ReLU(x − s) − ReLU(−x − s)
                 = sign(x) max(|x| − s, 0)

The tent applied k times over has 2ᵏ⁻¹ teeth, for five units a time: pieces grow exponentially with depth, linearly with
width (M. Telgarsky, Benefits of depth in neural networks, 2016). The dead zone is the soft threshold, the proximal map of
s |x|.
"""

from math import isfinite

import torch

from lightning_modules.networks.dense_network import DenseNetwork

# Of one layer: its weights, a row for each unit, and its biases.
Layer = tuple[list[list[float]], list[float]]


def tent() -> DenseNetwork:
    """The tent, a 1-4-1 network in float64 with ReLU on the output too: (n, 1) -> (n, 1)."""
    hidden = ([[2.0], [2.0], [-2.0], [-2.0]], [0.0, -1.0, 1.0, 2.0])
    return exact_network([hidden, ([[-1.0] * 4], [3.0])], output_activation="relu")


def dead_zone(threshold: float) -> DenseNetwork:
    """The dead zone, a 1-2-1 network in float64: (n, 1) -> (n, 1).

    Args:
        threshold: s, the half-width of the zone around 0 that is mapped to 0.

    Raises:
        ValueError: a threshold that is negative or not finite.
    """
    if not (isfinite(threshold) and threshold >= 0):
        raise ValueError(f"threshold={threshold}: it is the half-width of the dead zone, give a finite number ≥ 0")
    hidden = ([[1.0], [-1.0]], [-threshold, -threshold])
    return exact_network([hidden, ([[1.0, -1.0]], [0.0])], output_activation="identity")


@torch.no_grad()
def exact_network(layers: list[Layer], output_activation: str) -> DenseNetwork:
    """The ReLU network of given weights and biases, in float64, since most thresholds are not float32 numbers.

    Args:
        layers: first to last.
        output_activation: by its name in `ACTIVATIONS`.
    """
    widths = [len(layers[0][0][0]), *(len(biases) for _, biases in layers)]
    network = DenseNetwork(widths, "relu", output_activation=output_activation).double()
    for layer, (weights, biases) in zip(network.layers, layers, strict=True):
        layer.weight.copy_(torch.tensor(weights, dtype=torch.float64))
        layer.bias.copy_(torch.tensor(biases, dtype=torch.float64))
    return network
