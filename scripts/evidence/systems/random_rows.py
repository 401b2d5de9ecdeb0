"""Random rows and weights, always the same, for identities that hold on any."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector


def features(rows: int, widths: Sequence[int]) -> Tensor:
    """(n, d) in float64."""
    return torch.randn(rows, widths[0], generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def classes(rows: int, widths: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Features (n, d) and labels (n,)."""
    return features(rows, widths), torch.randint(widths[-1], (rows,), generator=torch.Generator().manual_seed(1))


def targets(rows: int, widths: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Features (n, d) and real targets (n, K)."""
    y = torch.randn(rows, widths[-1], generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return features(rows, widths), y


def parameters(network: nn.Module) -> Tensor:
    """θ (p,) of a network, its weights drawn anew and its biases, too, so that nothing is 0 by chance of the start."""
    size = len(parameters_to_vector(network.parameters()))
    return 0.5 * torch.randn(size, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
