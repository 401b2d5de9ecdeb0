"""Where branches of a network meet: sums, differences, products, and branches side by side."""

import torch
from torch import Tensor

from lightning_modules.objectives.layers.layer import Layer, Visit, Weights


class Sum(Layer):
    """h = x₁ ± x₂, of equal shapes: a skip, most often.

    Args:
        sign: of the second.
    """

    is_piecewise_linear = True

    def __init__(self, sign: float = 1.0) -> None:
        self.sign = sign

    def forward(self, weights: Weights, *inputs: Tensor) -> Tensor:
        first, second = inputs
        if first.shape[1:] != second.shape[1:]:
            raise ValueError(
                f"two branches of shapes {tuple(first.shape[1:])} and {tuple(second.shape[1:])} are added up: give them the "
                "same shape, or use ModuleObjective, which takes whatever torch can differentiate"
            )
        return torch.add(first, second, alpha=self.sign)

    def up(self, visit: Visit, moves: Weights, inputs: tuple[Tensor | None, ...]) -> Tensor:
        first, second = inputs
        if second is None:
            assert first is not None, "something moves"
            return first
        return self.sign * second if first is None else torch.add(first, second, alpha=self.sign)

    def down(self, visit: Visit, e: Tensor) -> list[Tensor | None]:
        return [e, e if self.sign == 1 else self.sign * e]


class Concatenation(Layer):
    """Branches side by side along a dimension of the row.

    Args:
        dim: the dimension, counted with the rows.
    """

    is_piecewise_linear = True

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def forward(self, weights: Weights, *inputs: Tensor) -> Tensor:
        if self.dim + inputs[0].ndim == 0:
            raise ValueError(f"values of shape {tuple(inputs[0].shape)} are put beside each other along the rows")
        return torch.cat(inputs, self.dim)

    def up(self, visit: Visit, moves: Weights, inputs: tuple[Tensor | None, ...]) -> Tensor:
        (k,) = {len(dx) for dx in inputs if dx is not None}
        pairs = zip(inputs, visit.inputs, strict=True)
        return torch.cat([x.new_zeros(k, *x.shape) if dx is None else dx for dx, x in pairs], self._stacked)

    def down(self, visit: Visit, e: Tensor) -> list[Tensor | None]:
        return list(e.split([x.shape[self.dim] for x in visit.inputs], self._stacked))

    @property
    def _stacked(self) -> int:
        """The dimension where k vectors stand in front."""
        return self.dim + 1 if self.dim >= 0 else self.dim
