"""How far derivatives that are written out are from those of autograd."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters


def relative_difference(found: Tensor, reference: Tensor) -> float:
    """Largest difference of an entry, as a share of the largest entry of the reference: any shape, the same -> number."""
    return float((found - reference).abs().max() / reference.abs().max())


def autograd_gradient(network: nn.Module, theta: Tensor, x: Tensor, loss: Callable[[Tensor], Tensor]) -> Tensor:
    """∂ loss(f(x)) / ∂θ by autograd through the module itself: (p,), (n, d) -> (p,)."""
    network.to(theta.dtype)
    vector_to_parameters(theta, network.parameters())
    return parameters_to_vector(torch.autograd.grad(loss(network(x)), list(network.parameters())))
