"""Newton's method with the diagonal of the curvature only."""

from collections.abc import Iterable
from typing import Literal

from torch import Tensor
from torch.nn import Parameter

from lightning_modules.objectives import Objective
from lightning_modules.optimizers.curvature import Curvature, DiagonalCurvature
from lightning_modules.optimizers.damped_optimizer import DampedOptimizer
from lightning_modules.optimizers.running_model import RunningModel


class DiagonalNewton(DampedOptimizer):
    """θ ← θ − lr ∇f(θ) / (diag C + μ), entry by entry.

    It costs hardly more than gradient descent and needs no common scale of the features. But it does not see correlations:
    with k nearly equal features the full step goes k times too far, hence the adaptive length and damping, the default:

    - where all rows are seen at every step, μ adapts by the gain ratio until the loss falls (`damping.py`);
    - on mini-batches the curvature is averaged over steps, the direction has momentum, and the step goes to the minimiser
      of the averaged quadratic model (`running_model.py`). Let lr fall towards 0 for the noise to die out.

    A fixed damping is the plain equation, and then lr must be small enough.

    Args:
        params: the parameters, one group.
        lr: step size, > 0; 1 is the full step to the minimiser of the model.
        damping: μ ≥ 0 added to the diagonal of the curvature of the *mean* loss, or "adaptive".
        curvature: "ggn" for the generalised Gauss–Newton matrix (never negative), or "hessian", of which the absolute values
            count where it is negative; the same for a generalised linear model and for a network of piecewise linear
            activations.
        search: null for the constant step lr, "backtracking" to halve it until the loss decreases enough (Armijo); needs a
            fixed damping.
        tolerance: stop at ‖∇‖∞ ≤ tolerance and half the squared Newton decrement ≤ tolerance; null = 3.7e-11 (float64).
        momentum: share of the previous direction that is kept, in [0, 1); for mini-batches with adaptive damping.
        refresh: the averaged curvature takes in every so many steps' mini-batch, ≥ 1; for the same case.

    Raises:
        ValueError: a hyper-parameter out of its range.
    """

    def __init__(
        self,
        params: Iterable[Parameter],
        lr: float = 1.0,
        damping: float | Literal["adaptive"] = "adaptive",
        curvature: Literal["hessian", "ggn"] = "ggn",
        search: Literal["backtracking"] | None = None,
        tolerance: float | None = None,
        momentum: float = 0.7,
        refresh: int = 4,
    ) -> None:
        if not 0 <= momentum < 1:
            raise ValueError(f"DiagonalNewton(momentum={momentum}): the share kept of the last direction lies in [0, 1)")
        if not (isinstance(refresh, int) and refresh >= 1):
            raise ValueError(f"DiagonalNewton(refresh={refresh}): give the number of steps between updates, 1 or more")
        super().__init__(
            params,
            lr=lr,
            damping=damping,
            curvature=curvature,
            search=search,
            tolerance=tolerance,
            momentum=momentum,
            refresh=refresh,
        )

    def local_curvature(self, theta: Tensor, gradient: Tensor, objective: Objective) -> Curvature:
        group = self.param_groups[0]
        # On a sample nobody waits, but for a search, which compares losses anyway.
        awaited = not objective.is_sample or group["search"] is not None
        if group["curvature"] == "ggn":
            return DiagonalCurvature(objective.ggn_diagonal(theta), awaited)
        diagonal = objective.hessian_diagonal(theta)
        # Divided by a negative curvature the gradient would lead uphill.
        return DiagonalCurvature(diagonal if objective.is_convex else diagonal.abs(), awaited)

    def displacement(self, theta: Tensor, gradient: Tensor, loss: Tensor, objective: Objective) -> Tensor | None:
        group = self.param_groups[0]
        if group["damping"] != "adaptive" or not objective.is_sample:
            return super().displacement(theta, gradient, loss, objective)
        model = RunningModel(self.memory, group["momentum"], group["refresh"], group["curvature"] == "ggn")
        step = group["lr"] * model.step(theta, gradient, objective)
        self.seen.update(damping=self.damping, step_size=group["lr"] * model.length)
        return step
