"""The largest number of each window: which one it is, is the same for every sweep."""

from collections.abc import Callable

from torch import Tensor

from lightning_modules.objectives.layers.layer import Layer, Visit, Weights


class MaxPooling(Layer):
    """h_t = max of the window at t, in one to three dimensions.

    Args:
        pool: x (n, C, *size) -> h (n, C, *positions) and the places in the flat input that they were taken from.
    """

    is_piecewise_linear = True

    def __init__(self, pool: Callable[[Tensor], tuple[Tensor, Tensor]]) -> None:
        self.pool = pool

    def forward(self, weights: Weights, *inputs: Tensor) -> Tensor:
        return self.pool(inputs[0])[0]

    def visit(self, weights: Weights, inputs: tuple[Tensor, ...]) -> Visit:
        h, places = self.pool(inputs[0])
        return Visit(weights, inputs, h, {"places": places.flatten(2)})

    def up(self, visit: Visit, moves: Weights, inputs: tuple[Tensor | None, ...]) -> Tensor:
        (dx,) = inputs
        assert dx is not None, "without weights nothing else moves"
        places = visit.known["places"]
        return dx.flatten(3).gather(3, places.expand(len(dx), *places.shape)).view(len(dx), *visit.output.shape)

    def down(self, visit: Visit, e: Tensor) -> list[Tensor | None]:
        x, places = visit.inputs[0], visit.known["places"]
        below = e.new_zeros(len(e), *x.flatten(2).shape)
        below.scatter_add_(3, places.expand(len(e), *places.shape), e.flatten(3))
        return [below.view(len(e), *x.shape)]
