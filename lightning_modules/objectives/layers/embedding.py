r"""A table of vectors, of which a row takes those of its whole numbers:  h_t = W[x_t].

squares     Σ_i Σ_c (Σ_{t: x_it = v} s_ct)²        a number that a row has twice is added up before it is squared
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from lightning_modules.objectives.layers.layer import Layer, Visit, Weights


class Embedding(Layer):
    """h = W[x].

    Args:
        module: whose form it has.
    """

    parameters = ("weight",)
    is_piecewise_linear = True

    def __init__(self, module: nn.Embedding) -> None:
        self.padding = module.padding_idx

    def forward(self, weights: Weights, *inputs: Tensor) -> Tensor:
        # Without the index of padding, which torch would leave out of the gradient only: the value is the same.
        return embedding(inputs[0], weights[0], self.padding)

    def up(self, visit: Visit, moves: Weights, inputs: tuple[Tensor | None, ...]) -> Tensor:
        dh: Tensor = moves[0][:, visit.inputs[0]]
        return dh * self._counted(visit.inputs[0]).to(dh)[..., None]

    def down(self, visit: Visit, e: Tensor) -> list[Tensor | None]:
        return [None]

    def rows(self, visit: Visit, e: Tensor) -> list[Tensor]:
        weight, numbers = visit.weights[0], self._flat(visit)
        found = e.new_zeros(*e.shape[:2], *weight.shape)
        places = numbers[None, :, :, None].expand(len(e), -1, -1, weight.shape[1])
        return [found.scatter_add_(2, places, self._vectors(visit, e))]

    def gradients(self, visit: Visit, e: Tensor) -> list[Tensor]:
        weight, numbers = visit.weights[0], self._flat(visit).flatten()
        found = e.new_zeros(len(e), *weight.shape)
        return [found.index_add_(1, numbers, self._vectors(visit, e).flatten(1, 2))]

    def squares(self, visit: Visit, s: Tensor) -> list[Tensor]:
        weight, numbers = visit.weights[0], self._flat(visit)
        of_row = torch.arange(len(numbers), device=numbers.device)[:, None] * len(weight)
        pairs, place = (numbers + of_row).flatten().unique(return_inverse=True)
        sums = s.new_zeros(len(s), len(pairs), weight.shape[1])
        sums.index_add_(1, place, self._vectors(visit, s).flatten(1, 2))
        return [s.new_zeros(weight.shape).index_add_(0, pairs % len(weight), sums.square_().sum(0))]

    def _flat(self, visit: Visit) -> Tensor:
        """x as (n, T)."""
        return visit.inputs[0].reshape(len(visit.inputs[0]), -1)

    def _vectors(self, visit: Visit, e: Tensor) -> Tensor:
        """e as (k, n, T, width), 0 at padding."""
        vectors = e.reshape(*e.shape[:2], -1, e.shape[-1])
        return vectors * self._counted(self._flat(visit)).to(e)[..., None]

    def _counted(self, numbers: Tensor) -> Tensor:
        """Whether a number's vector trains."""
        return torch.ones_like(numbers, dtype=torch.bool) if self.padding is None else numbers != self.padding
