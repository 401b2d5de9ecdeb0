"""Any function of rows that takes each row by itself, without closed forms."""

from collections.abc import Callable

from torch import Tensor
from torch.func import vjp

from lightning_modules.objectives.differentiation import recording
from lightning_modules.objectives.layers.layer import Layer, Visit, Weights, folded, unfolded


class RowFunction(Layer):
    """h = F(w, x), by automatic differentiation of F.

    Args:
        function: (w, …, x, …) -> h, each row by itself.
        parameters: the names of w.
        is_piecewise_linear, is_linear_in_weights, is_constant: whether F is, see `Layer`.
    """

    def __init__(
        self,
        function: Callable[..., Tensor],
        parameters: tuple[str, ...] = (),
        is_piecewise_linear: bool = False,
        is_linear_in_weights: bool = False,
        is_constant: bool = False,
    ) -> None:
        self.function, self.parameters = function, parameters
        self.is_piecewise_linear, self.is_linear_in_weights = is_piecewise_linear or is_constant, is_linear_in_weights
        self.is_constant = is_constant

    def forward(self, weights: Weights, *inputs: Tensor) -> Tensor:
        return self.function(*weights, *inputs)


class LinearMap(Layer):
    """h = A x + a, the same for every row and without weights: padding, averages, another shape.

    Args:
        function: x (n, …) -> h (n, …).
    """

    is_piecewise_linear = True

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        self.function = function

    def forward(self, weights: Weights, *inputs: Tensor) -> Tensor:
        return self.function(inputs[0])

    def up(self, visit: Visit, moves: Weights, inputs: tuple[Tensor | None, ...]) -> Tensor:
        (dx,) = inputs
        assert dx is not None, "without weights nothing else moves"
        rest = self.function(visit.inputs[0].new_zeros(1, *dx.shape[2:]))
        return unfolded(self.function(folded(dx)) - rest, len(dx))

    def down(self, visit: Visit, e: Tensor) -> list[Tensor | None]:
        # Linear: it is pulled back alike wherever x is.
        like = visit.inputs[0].new_zeros(()).expand(e.shape[0] * e.shape[1], *visit.inputs[0].shape[1:])
        with recording():
            (below,) = vjp(self.function, like)[1](folded(e))
        return [unfolded(below.detach(), len(e))]


class Reshape(LinearMap):
    """The same numbers of each row in another shape.

    Args:
        function: x (n, …) -> h (n, …).
    """

    def up(self, visit: Visit, moves: Weights, inputs: tuple[Tensor | None, ...]) -> Tensor:
        (dx,) = inputs
        assert dx is not None, "without weights nothing else moves"
        return dx.reshape(len(dx), *visit.output.shape)

    def down(self, visit: Visit, e: Tensor) -> list[Tensor | None]:
        return [e.reshape(len(e), *visit.inputs[0].shape)]
