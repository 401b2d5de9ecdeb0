"""Directions that softmax does not see: one number added to all K predictors of a row."""

import torch
from torch import Tensor


def common_shifts(weight: Tensor, penalised: bool, has_bias: bool = True) -> Tensor:
    """Orthonormal directions of a layer (W row by row, b) that shift all its outputs alike, in layout of the layer.

    They are the common shifts of every column of (W, b), or of b alone if W is penalised.

    Args:
        weight: W (K, d), for its shape and type.
        penalised: whether a penalty on W tells the shifted weights apart.
        has_bias: whether there is a b.

    Returns:
        (K (d + 1), d + 1), or (K (d + 1), 1) if penalised; without a bias (K d, d), or (K d, 0).
    """
    outputs, features = weight.shape
    shift = weight.new_full((outputs, 1), outputs**-0.5)
    if penalised:
        return (
            torch.cat([shift.new_zeros(outputs * features, 1), shift]) if has_bias else shift.new_zeros(outputs * features, 0)
        )
    columns = torch.eye(features, dtype=weight.dtype, device=weight.device)
    shifts = torch.kron(shift, columns)
    return torch.block_diag(shifts, shift) if has_bias else shifts
