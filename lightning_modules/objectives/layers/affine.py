r"""Layers that are affine in their weights, the same at every position t of a row:  z_t = W x_t + b.

    rows        Σ_t e_t x_tᵀ                       the sum over positions comes first
    squares     Σ_i Σ_c (Σ_t s_cot x_jt)²          one matrix product for each row, (C·out, T) by (T, in)

with one position (a dense layer on plain rows) the square of a product is the product of squares: Σ_i (Σ_c s²) x².
"""

from abc import abstractmethod

import torch
from torch import Tensor

from lightning_modules.objectives.layers.layer import Layer, Visit
from lightning_modules.objectives.rows_at_a_time import rows_at_a_time

# So many numbers of the products of some rows are made at a time: they are squared while a cache holds them.
CACHE_NUMBERS = 2**19


class Affine(Layer):
    """A layer z = W ∗ x + b, as products over positions in g groups of channels."""

    is_piecewise_linear = True

    def __init__(self, has_bias: bool) -> None:
        self.parameters = ("weight", "bias") if has_bias else ("weight",)

    @abstractmethod
    def positions_in(self, visit: Visit) -> Tensor:
        """x_t: (n, g, in, T)."""

    @abstractmethod
    def positions_out(self, visit: Visit, e: Tensor) -> Tensor:
        """e_t: (k, n, …) -> (k, n, g, out, T)."""

    @abstractmethod
    def as_weight(self, products: Tensor, visit: Visit) -> Tensor:
        """Products (…, g, out, in) in the weight's layout (…, *shape)."""

    @abstractmethod
    def as_matrix(self, weight: Tensor) -> Tensor:
        """The other way: *shape -> (g, out, in)."""

    # Whether b is added once at each position of `positions_out`, so that it is one more column of W.
    bias_is_column = True

    @abstractmethod
    def bias_rows(self, e: Tensor) -> Tensor:
        """The gradient of each row by the bias, Σ_t e_t: (k, n, …) -> (k, n, out)."""

    def rows(self, visit: Visit, e: Tensor) -> list[Tensor]:
        products = self.positions_out(visit, e) @ self.positions_in(visit).mT
        found = [self.as_weight(products, visit)]
        return [*found, self.bias_rows(e)] if len(visit.weights) > 1 else found

    def squares(self, visit: Visit, s: Tensor) -> list[Tensor]:
        x, out = self.positions_in(visit), self.positions_out(visit, s)
        found = [self.as_weight(squared_products(out, x), visit)]
        return [*found, self.bias_rows(s).square_().sum((0, 1))] if len(visit.weights) > 1 else found


def squared_products(s: Tensor, x: Tensor) -> Tensor:
    """Σ_i Σ_c (Σ_t s_cot x_jt)²: (C, n, g, out, T), (n, g, in, T) -> (g, out, in)."""
    factors, _, groups, out, positions = s.shape
    inputs = x.shape[2]
    if positions == 1:
        return (s.square().sum(0)[..., 0].permute(1, 2, 0)) @ x[..., 0].square().transpose(0, 1)
    total = s.new_zeros(groups, inputs, out)
    numbers = factors * groups * out * inputs
    at_a_time = rows_at_a_time(s.device, CACHE_NUMBERS // numbers, 8 * numbers)
    for part, below in zip(s.split(at_a_time, 1), x.split(at_a_time), strict=True):
        left = part.permute(1, 2, 0, 3, 4).flatten(2, 3)  # (n, g, C·out, T)
        # In this order, and as plain matrices where one row is a matrix: up to twice as fast as a product of stacks.
        is_one = len(left) == groups == 1
        products = torch.mm(below[0, 0], left[0, 0].T)[None, None] if is_one else below @ left.mT
        total += products.square_().unflatten(3, (factors, out)).sum((0, 3))
    return total.mT
