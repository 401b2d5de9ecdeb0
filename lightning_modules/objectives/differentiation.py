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
def saying_what_is_wrong() -> Iterator[None]:
    """Say in a line what torch, as it differentiates, says in words of its own.

    Raises:
        ValueError: a function has no derivative, or what one needs was overwritten.
    """
    try:
        yield
    except RuntimeError as error:
        message = str(error)
        if "modified by an inplace operation" in message:
            raise ValueError(
                "the model overwrites in place what its derivative needs, as h[:, 0] = … does where h was used before: write "
                "to a copy, h.clone(), or put parts together by torch.cat, torch.stack or torch.where"
            ) from error
        found = re.search(r"derivative for '?(?:aten::)?_?(\w+?)(_backward)?'? is not implemented", message)
        if found is None:
            raise
        if found[2] is None:
            raise ValueError(
                f"torch has no derivative of {found[1]}, which the model calls: call functions that have one, or give it "
                "h.detach()"
            ) from error
        raise ValueError(
            f"torch has no second derivative of {found[1]}, which the model calls, and so no curvature of it: call functions "
            "that have one, or use GradientDescent or a method of torch.optim"
        ) from error


def gradient_of(outputs: Tensor, leaf: Tensor, direction: Tensor | None = None) -> Tensor:
    """∂⟨outputs, direction⟩/∂leaf, to be differentiated once more; 0 where the outputs do not depend on the leaf."""
    if not outputs.requires_grad:
        return torch.zeros_like(leaf)
    with saying_what_is_wrong():
        return torch.autograd.grad(outputs, leaf, direction, create_graph=True, materialize_grads=True)[0]


def pulled_back(outputs: Tensor, leaf: Tensor, directions: Tensor) -> Tensor:
    """Products of the transposed Jacobian ∂outputs/∂leaf with k directions: (k, *outputs) -> (k, *leaf)."""
    if not outputs.requires_grad:
        return leaf.new_zeros(len(directions), *leaf.shape)
    if len(directions) == 1:
        with saying_what_is_wrong():
            product = torch.autograd.grad(outputs, leaf, directions[0], retain_graph=True, materialize_grads=True)[0]
        return product.detach()[None]
    options = {"retain_graph": True, "is_grads_batched": True, "allow_unused": True}
    try:
        (products,) = torch.autograd.grad(outputs, leaf, directions, **options)
    except RuntimeError:  # a function of somebody's own that looks at numbers takes one direction at a time
        return torch.cat([pulled_back(outputs, leaf, direction[None]) for direction in directions])
    return leaf.new_zeros(len(directions), *leaf.shape) if products is None else products.detach()
