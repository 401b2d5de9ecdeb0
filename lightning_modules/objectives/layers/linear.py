"""A dense layer, on rows (n, d) or at every position of rows (n, …, d)."""

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from lightning_modules.objectives.layers.affine import Affine
from lightning_modules.objectives.layers.layer import Visit, Weights


class Linear(Affine):
    """z = W x + b.

    Args:
        module: whose form it has.
    """

    def __init__(self, module: nn.Linear) -> None:
        super().__init__(module.bias is not None)

    def forward(self, weights: Weights, *inputs: Tensor) -> Tensor:
        (x,) = inputs
        return linear(x, *weights)

    def up(self, visit: Visit, moves: Weights, inputs: tuple[Tensor | None, ...]) -> Tensor:
        (x,), (dx,) = visit.inputs, inputs
        dz = torch.einsum("n...i,koi->kn...o", x, moves[0])
        if len(moves) > 1:
            dz = dz + moves[1].view(len(dz), *(1 for _ in dz.shape[1:-1]), -1)
        return dz if dx is None else dz + dx @ visit.weights[0].mT

    def down(self, visit: Visit, e: Tensor) -> list[Tensor | None]:
        return [e @ visit.weights[0]]

    def gradients(self, visit: Visit, e: Tensor) -> list[Tensor]:
        x, each = visit.inputs[0].flatten(0, -2), e.flatten(1, -2)
        found = [each.mT @ x]
        return [*found, each.sum(1)] if len(visit.weights) > 1 else found

    def positions_in(self, visit: Visit) -> Tensor:
        x = visit.inputs[0]
        return x.reshape(len(x), 1, -1, x.shape[-1]).mT

    def positions_out(self, visit: Visit, e: Tensor) -> Tensor:
        return e.reshape(*e.shape[:2], 1, -1, e.shape[-1]).mT

    def as_weight(self, products: Tensor, visit: Visit) -> Tensor:
        return products.squeeze(-3)

    def as_matrix(self, weight: Tensor) -> Tensor:
        return weight[None]

    def bias_rows(self, e: Tensor) -> Tensor:
        return e.flatten(2, -2).sum(2) if e.ndim > 3 else e.clone()


class LinearByColumns(Linear):
    """z = Wᵀ x, of a weight W (in, out) as `x @ W` has it.

    Args:
        weight: of whose shape it is.
    """

    def __init__(self, weight: Tensor) -> None:
        super().__init__(nn.Linear(weight.shape[0], weight.shape[1], bias=False, device="meta"))

    def forward(self, weights: Weights, *inputs: Tensor) -> Tensor:
        return inputs[0] @ weights[0]

    def up(self, visit: Visit, moves: Weights, inputs: tuple[Tensor | None, ...]) -> Tensor:
        return super().up(self._by_rows(visit), (moves[0].mT,), inputs)

    def down(self, visit: Visit, e: Tensor) -> list[Tensor | None]:
        return super().down(self._by_rows(visit), e)

    def gradients(self, visit: Visit, e: Tensor) -> list[Tensor]:
        return [super().gradients(visit, e)[0].mT]

    def as_weight(self, products: Tensor, visit: Visit) -> Tensor:
        return super().as_weight(products, visit).mT

    def as_matrix(self, weight: Tensor) -> Tensor:
        return super().as_matrix(weight.mT)

    def _by_rows(self, visit: Visit) -> Visit:
        return replace(visit, weights=(visit.weights[0].mT,))
