r"""How much each row says about its own prediction.

    h_i = c_i x̃_iᵀ (Σ_k w_k c_k x̃_k x̃_kᵀ + penalty)⁻¹ x̃_i = c_i ‖x̃_i B‖² ,       c = E[∂²l/∂z²]

Without a penalty Σ w h is the number of coefficients that the rows determine: where columns depend linearly on others, B is
that of the space they span. It comes from the triangle of the rows, which keeps twice the digits that their products would.

Sources: D. Pregibon, Logistic regression diagnostics (1981); P. McCullagh and J. Nelder, Generalized Linear Models, 2nd ed.
(1989), section 12.7.1.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from lightning_modules.objectives.linear import triangle
from lightning_modules.objectives.reduction import Reduction, this_process


def leverage_factor(blocks: Iterable[Tensor], like: Tensor, num_rows: int, reduction: Reduction = this_process) -> Tensor:
    """B (width, rank).

    Args:
        blocks: rows √(w c) x̃ of this process, and those of the penalty, (…, width) in float64.
        like: no rows, (0, width).
        num_rows: how many there are at most, over all processes.
        reduction: sums over processes.
    """
    upper = triangle(blocks, like, num_rows, reduction)
    lengths = upper.norm(dim=0)
    unit = torch.where(lengths > 0, 1 / lengths, 0.0)
    _, sizes, directions = torch.linalg.svd(upper * unit, full_matrices=False)
    rounding = torch.finfo(upper.dtype).eps * max(upper.shape)
    is_there = sizes > rounding * sizes.max() if len(sizes) else sizes > 0
    return unit[:, None] * (directions[is_there].T / sizes[is_there])
