r"""The gradient of a linear model with twice the digits, as far as its family lets them count.

    n g = X̃ᵀ e + n λ W,     e_i = ∂l/∂z (z_i, y_i),   z_i = X̃_i θ           all sums by `double_double.py`

At an optimum g is the little that the terms leave of each other. A Newton step solves for it with RᵀR, which magnifies its
rounding by κ², κ the condition number of R: the rounding of float64 would leave least squares with κ = 1e8 no digit. With
this g the error of each step is κε of the step, and θ is right to the last digits after a few.

Least squares have e = z − y to twice the digits; of other families e is as exact as a function of z, rounded once, is
(`Family.precise_gradient`).

Source: Å. Björck, Numerical Methods for Least Squares Problems (1996), section 2.9 (iterative refinement).
"""

import torch
from torch import Tensor

from lightning_modules.objectives.double_double import (
    Pair,
    plus,
    product,
    total,
    transposed_product,
    two_product,
)
from lightning_modules.objectives.linear.glm import GLM
from lightning_modules.objectives.reduction import of_each_process


def precise_gradient(glm: GLM, theta: Tensor) -> Tensor:
    """g · s at θ (p,), output by output: (p,), s the scale of the columns as in `Rows`."""
    rows = glm.rows
    weight, bias = glm.layout.split(theta)
    with_bias = torch.cat([weight, bias[:, None]], 1) if glm.layout.has_bias else weight
    scaled = with_bias.T / rows.scale[:, None]  # (d + 1, K)
    zero = torch.zeros_like(scaled)
    sums = Pair(zero, zero)
    for x, y in rows.all_pieces():
        extended = rows.extended(x)
        sums = plus(sums, transposed_product(extended, glm.family.precise_gradient(product(extended, scaled), y)))
    sums = total(Pair(of_each_process(sums.hi, rows.reduction), of_each_process(sums.lo, rows.reduction)))
    if glm.l2 > 0:
        factors = (rows.weight * glm.l2 * rows.scale.square())[:, None].clone()
        factors[rows.num_features :] = 0
        sums = plus(sums, two_product(factors, scaled))
    return (sums.hi / rows.weight).T.flatten()
