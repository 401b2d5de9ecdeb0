"""Many tensors as one vector."""

from collections.abc import Iterable

import torch
from torch import Tensor


def flattened(parts: Iterable[Tensor]) -> Tensor:
    """Parameters, or tensors laid out like them, one after the other in a new vector (p,) without a history.

    The layout of `torch.nn.utils.parameters_to_vector`.
    """
    return torch.cat([part.detach().flatten() for part in parts])
