"""Which columns of a matrix are linear combinations of the columns before them."""

import torch
from torch import Tensor


def dependent_columns(gram: Tensor) -> tuple[int, ...]:
    """Features that depend linearly on the bias and the features before them.

    Gaussian elimination on the Gram matrix G scaled to a unit diagonal leaves, as the pivot of column j, the tolerance

        1 − R²_j = bᵀGb,   b = (−β, 1)        β the regression of column j on the columns before it

    and an elimination carried along with it leaves b. Scaling first makes the test blind to units. A column whose
    tolerance is at rounding level, relative to ‖b‖² because large β cancel, is dependent and is not eliminated with.

    Args:
        gram: Σ (1, x)(1, x)ᵀ (d + 1, d + 1) in float64, the bias first.

    Returns:
        Indices into the d features, in order.
    """
    size = len(gram)
    rounding = 100 * size * torch.finfo(gram.dtype).eps
    norms = gram.diagonal().sqrt()
    scale = torch.where(norms > 0, 1 / norms, 0)  # a column of zeros keeps the pivot 0 and is found dependent
    rest = scale[:, None] * gram * scale
    combinations = torch.eye(size, dtype=gram.dtype, device=gram.device)  # row j becomes b
    dependent = []
    for j in range(size):
        pivot = rest[j, j].clone()
        if pivot <= rounding * combinations[j].square().sum():
            dependent.append(j - 1)
        else:
            row = rest[j].clone()
            rest -= torch.outer(row, row) / pivot
            combinations[j + 1 :] -= torch.outer(row[j + 1 :] / pivot, combinations[j])
    return tuple(dependent)
