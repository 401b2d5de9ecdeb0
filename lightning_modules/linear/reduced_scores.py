"""What rows say about coefficients, in the units of a root of the Hessian."""

import torch
from torch import Tensor

from lightning_modules.objectives.linear import Root


def reduced(root: Root, of_outputs: Tensor, extended: Tensor) -> Tensor:
    """R⁻ᵀ S of the derivatives by θ of rows, from those by their predictors (n, K) and s x̃ (n, width): (n, p)."""
    by_theta = (of_outputs[:, :, None] * extended[:, None]).flatten(1)
    return torch.linalg.solve_triangular(root.upper, by_theta * root.unit, upper=True, left=False)
