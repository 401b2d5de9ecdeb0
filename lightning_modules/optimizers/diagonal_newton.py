"""Newton's method with the diagonal of the curvature only."""

from collections.abc import Iterable
from typing import Literal

from torch import Tensor
from torch.nn import Parameter

from lightning_modules.objectives import Objective
from lightning_modules.optimizers.curvature import Curvature, DiagonalCurvature
from lightning_modules.optimizers.damped_optimizer import DampedOptimizer


class DiagonalNewton(DampedOptimizer):
    """θ ← θ − lr ∇f(θ) / (diag ∇²f(θ) + μ), entry by entry.

    It costs hardly more than gradient descent and needs no common scale of the features. But it does not see correlations:
    with k nearly equal features the full step goes k times too far. The adaptive damping notices and shortens it; a fixed
    damping does not, and then lr must be small enough.

    Args:
        params: the parameters, one group.
        lr: step size, > 0; 1 is the full step to the minimiser of the diagonal model.
        damping: μ ≥ 0 added to the diagonal of the curvature of the *mean* loss, or "adaptive" (Levenberg–Marquardt by the
            gain ratio, starting at 0).
        curvature: "hessian", or "ggn" for the generalised Gauss–Newton matrix (never negative).
        search: null for the constant step lr, "backtracking" to halve it until the loss decreases enough (Armijo); needs a
            fixed damping.
        tolerance: stop at ‖∇‖∞ ≤ tolerance and half the squared Newton decrement ≤ tolerance; null = 3.7e-11 (float64).
    """

    def __init__(
        self,
        params: Iterable[Parameter],
        lr: float = 1.0,
        damping: float | Literal["adaptive"] = "adaptive",
        curvature: Literal["hessian", "ggn"] = "hessian",
        search: Literal["backtracking"] | None = None,
        tolerance: float | None = None,
    ) -> None:
        super().__init__(params, lr=lr, damping=damping, curvature=curvature, search=search, tolerance=tolerance)

    def local_curvature(self, theta: Tensor, gradient: Tensor, objective: Objective) -> Curvature:
        hessian = self.param_groups[0]["curvature"] == "hessian"
        return DiagonalCurvature(objective.hessian_diagonal(theta) if hessian else objective.ggn_diagonal(theta))
