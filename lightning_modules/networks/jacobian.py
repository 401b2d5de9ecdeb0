"""∂f/∂x of a dense network, row by row, upwards or downwards.

    forward    T_0 = I     T_ℓ     = T_{ℓ−1} W_ℓᵀ ⊙ φ′(z_ℓ)  [+ T_{ℓ−1}]      D tangents carried up:    ∂f/∂x = T_Lᵀ
    reverse    A_L = I     A_{ℓ−1} = (A_ℓ ⊙ φ′(z_ℓ)) W_ℓ     [+ A_ℓ]          P adjoints carried down:  ∂f/∂x = A_0

T_ℓᵀ = ∂h_ℓ/∂x and A_ℓ = ∂f/∂h_ℓ have a row for each of D inputs, or of P outputs; [ ] stands where the layer has a skip.
φ′(z_ℓ), for the output layer ψ′(z_L), scales their columns: a product with the matrix diag φ′ would cost as much as that
with W_ℓ. A step multiplies D or P rows by W_ℓ, so reverse takes about P/D of the multiplications of forward. Forward needs
the present layer alone, reverse must have gone up and kept every φ′(z_ℓ).

Reference: A. Griewank and A. Walther, Evaluating Derivatives, 2nd ed. (2008), sections 3.1 and 3.2.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from lightning_modules.networks.dense_network import DenseNetwork


def forward_jacobian(network: DenseNetwork, x: Tensor) -> Tensor:
    """∂f/∂x of each row by forward accumulation: (n, D) -> (n, P, D).

    Raises:
        ValueError: x is not (n, D).
    """
    steps = zip(network.layers, (*network.skips, False), slopes(network, x), strict=True)
    first, skip, slope = next(steps)
    tangents = first.weight.T * slope[:, None, :]  # I Wᵀ is Wᵀ: no product
    if skip:
        tangents = tangents + torch.eye(x.shape[1], dtype=tangents.dtype, device=tangents.device)
    for layer, skip, slope in steps:
        through = (tangents @ layer.weight.T) * slope[:, None, :]
        tangents = through + tangents if skip else through
    return tangents.mT


def reverse_jacobian(network: DenseNetwork, x: Tensor) -> Tensor:
    """∂f/∂x of each row by reverse accumulation: (n, D) -> (n, P, D).

    Raises:
        ValueError: x is not (n, D).
    """
    *hidden_slopes, output_slope = slopes(network, x)
    *hidden, output = network.layers
    adjoints = output_slope[:, :, None] * output.weight  # (I ⊙ ψ′) W scales the rows of W: no product
    for layer, skip, slope in reversed(list(zip(hidden, network.skips, hidden_slopes, strict=True))):
        through = (adjoints * slope[:, None, :]) @ layer.weight
        adjoints = through + adjoints if skip else through
    return adjoints


def slopes(network: DenseNetwork, x: Tensor) -> Iterator[Tensor]:
    """φ′(z_1), …, ψ′(z_L) of each row, one at a time while x goes up the network: (n, D) -> (n, width of the layer) each."""
    network.check(x)
    for each in network.passes(x, network.layers):
        yield each.activation.derivative(each.before, each.after)
