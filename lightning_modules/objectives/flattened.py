"""Many tensors as one vector."""

from collections.abc import Iterable

import torch
from torch import Tensor

from lightning_modules.counting import counted


def flattened(parts: Iterable[Tensor]) -> Tensor:
    """Parameters, or tensors laid out like them, one after the other in a new vector (p,) without a history.

    The layout of `torch.nn.utils.parameters_to_vector`.
    """
    return torch.cat([part.detach().flatten() for part in parts])


def refuse_other_length(theta: Tensor, count: int, name: str) -> None:
    """Refuse a θ that has not the parameters' shape, which would be taken apart into wrong ones.

    Raises:
        ValueError: says how many `name` has.
    """
    if theta.shape != (count,):
        raise ValueError(
            f"θ has shape {tuple(theta.shape)}, {name} {counted(count, 'parameter')}: give a vector of them in the order of "
            "its parameters()"
        )
