"""Gradient descent."""

from collections.abc import Iterable
from typing import Literal

from torch import Tensor
from torch.nn import Parameter

from lightning_modules.objectives import Point
from lightning_modules.optimizers.curvature_optimizer import CurvatureOptimizer


class GradientDescent(CurvatureOptimizer):
    """θ ← θ − lr ∇f(θ).

    On a quadratic with largest curvature L it converges if and only if lr < 2 / L.

    Args:
        params: the parameters, one group.
        lr: step size, > 0, in units of parameter per gradient.
        search: None for the constant step, "backtracking" to halve lr until the loss decreases enough (Armijo).
        tolerance: how small gradient and Newton decrement have to be in units of the loss (`optimality.py`) for it to stop;
            null = 3.7e-11 (float64).
    """

    def __init__(
        self,
        params: Iterable[Parameter],
        lr: float,
        search: Literal["backtracking"] | None = None,
        tolerance: float | None = None,
    ) -> None:
        super().__init__(params, lr=lr, search=search, tolerance=tolerance)

    def direction(self, point: Point, gradient: Tensor) -> Tensor:
        return -gradient
