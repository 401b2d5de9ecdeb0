"""h = φ(x), number by number: activations and other functions of one number."""

from collections.abc import Callable

import torch
from torch import Tensor

from lightning_modules.networks import Activation
from lightning_modules.objectives.differentiation import recording
from lightning_modules.objectives.layers.layer import Layer, Visit, Weights


class Elementwise(Layer):
    """h = φ(x).

    ∂h/∂x is diag φ′(x): one derivative of Σ φ gives all of it, once for all sweeps.

    Args:
        function: φ.
        is_piecewise_linear: whether φ is.
    """

    def __init__(self, function: Callable[[Tensor], Tensor], is_piecewise_linear: bool = False) -> None:
        self.function, self.is_piecewise_linear = function, is_piecewise_linear

    def forward(self, weights: Weights, *inputs: Tensor) -> Tensor:
        return self.function(inputs[0])

    def up(self, visit: Visit, moves: Weights, inputs: tuple[Tensor | None, ...]) -> Tensor:
        (dx,) = inputs
        assert dx is not None, "without weights nothing else moves"
        return dx * self._slope(visit)

    def down(self, visit: Visit, e: Tensor) -> list[Tensor | None]:
        return [e * self._slope(visit)]

    def _slope(self, visit: Visit) -> Tensor:
        """φ′ (n, …)."""
        if "slope" not in visit.known:
            with recording():
                leaf = visit.inputs[0].detach().requires_grad_()
                (slope,) = torch.autograd.grad(self.function(leaf).sum(), leaf)
            visit.known["slope"] = slope
        return visit.known["slope"]


class Activated(Elementwise):
    """The same with φ′ in closed form.

    Args:
        activation: φ.
    """

    def __init__(self, activation: Activation) -> None:
        super().__init__(activation, activation.piecewise_linear)
        self.activation = activation

    def up(self, visit: Visit, moves: Weights, inputs: tuple[Tensor | None, ...]) -> Tensor:
        (dx,) = inputs
        assert dx is not None, "without weights nothing else moves"
        return self.activation.pull_back(dx, visit.inputs[0], visit.output)  # diag φ′ is its own transpose

    def down(self, visit: Visit, e: Tensor) -> list[Tensor | None]:
        return [self.activation.pull_back(e, visit.inputs[0], visit.output)]
