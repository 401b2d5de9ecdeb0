"""Derivatives of what torch has recorded, reverse mode over reverse mode."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


@contextmanager
def recording() -> Iterator[None]:
    """Within, torch records what can be differentiated, whoever calls: inference mode is left, where nothing would be."""
    with torch.inference_mode(False), torch.enable_grad():
        yield


@contextmanager
def _saying_what_has_none() -> Iterator[None]:
    """Say in a line which function of torch has no second derivative, where torch says so in its own words.

    Raises:
        ValueError: one has none.
    """
    try:
        yield
    except RuntimeError as error:
        found = re.search(r"derivative for '?(?:aten::)?_?(\w+?)(?:_backward)?'? is not implemented", str(error))
        if found is None:
            raise
        raise ValueError(
            f"torch has no second derivative of {found[1]}, which the model calls, and so no curvature of it: call functions "
            "that have one, or use GradientDescent or a method of torch.optim"
        ) from error


def gradient_of(outputs: Tensor, leaf: Tensor, direction: Tensor | None = None) -> Tensor:
    """∂⟨outputs, direction⟩/∂leaf, to be differentiated once more; 0 where the outputs do not depend on the leaf."""
    if not outputs.requires_grad:
        return torch.zeros_like(leaf)
    with _saying_what_has_none():
        return torch.autograd.grad(outputs, leaf, direction, create_graph=True, materialize_grads=True)[0]


def pulled_back(outputs: Tensor, leaf: Tensor, directions: Tensor) -> Tensor:
    """Products of the transposed Jacobian ∂outputs/∂leaf with k directions: (k, *outputs) -> (k, *leaf)."""
    if not outputs.requires_grad:
        return leaf.new_zeros(len(directions), *leaf.shape)
    if len(directions) == 1:
        with _saying_what_has_none():
            product = torch.autograd.grad(outputs, leaf, directions[0], retain_graph=True, materialize_grads=True)[0]
        return product.detach()[None]
    options = {"retain_graph": True, "is_grads_batched": True, "allow_unused": True}
    try:
        (products,) = torch.autograd.grad(outputs, leaf, directions, **options)
    except RuntimeError:  # a function of somebody's own that looks at numbers takes one direction at a time
        return torch.cat([pulled_back(outputs, leaf, direction[None]) for direction in directions])
    return leaf.new_zeros(len(directions), *leaf.shape) if products is None else products.detach()
