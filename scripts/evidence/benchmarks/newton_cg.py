"""torchmin's Newton-CG (package `pytorch-minimize`) as a method that every model here can be trained by."""

from collections.abc import Iterable
from importlib import import_module
from typing import Literal

from torch import Tensor
from torch.nn import Parameter

from lightning_modules.objectives import Point
from lightning_modules.optimizers import CurvatureOptimizer


class NewtonCG(CurvatureOptimizer):
    """θ ← θ − t H⁻¹∇f(θ), an iteration of `torchmin.minimize(method="newton-cg")` a step.

    H is the Hessian, its products by automatic differentiation; conjugate gradients solve, and end at a direction of negative
    curvature. torchmin keeps nothing from one iteration to the next, so that these are the steps it would have made in one
    call; what they cost more is one gradient.

    Args:
        params: the parameters, one group.
        lr: t, or the first that the search tries; > 0.
        line_search: "strong-wolfe", or "none" for the constant t.

    Raises:
        ValueError: a hyper-parameter out of its range.
    """

    def __init__(
        self, params: Iterable[Parameter], lr: float = 1.0, line_search: Literal["strong-wolfe", "none"] = "strong-wolfe"
    ) -> None:
        if not 0 < lr < float("inf"):
            raise ValueError(f"NewtonCG(lr={lr}): the step size must be a positive number")
        super().__init__(params, lr=1.0, first_step=lr, line_search=line_search)

    def direction(self, point: Point, gradient: Tensor) -> Tensor:
        """The whole step: (p,) -> (p,)."""
        group = self.param_groups[0]
        options = {"lr": group["first_step"], "line_search": group["line_search"]}
        found = import_module("torchmin").minimize(point.objective.value, point.theta, "newton-cg", max_iter=1, options=options)
        return found.x - point.theta
