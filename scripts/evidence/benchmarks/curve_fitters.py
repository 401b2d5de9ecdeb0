"""Ways to fit a curve from a start: this project's and others', all by the same function of torch."""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import least_squares
from torch import Tensor

from evidence.benchmarks.nist_problems import Model, NistProblem
from lightning_modules.objectives import LeastSquares
from lightning_modules.optimizers import Newton, minimise

# Ours may take so many steps; theirs more evaluations than ours ever do.
MAX_STEPS, MAX_EVALUATIONS = 500, 10_000
TIGHT = 1e-15


class Fit(NamedTuple):
    """Where a fit ended.

    Attributes:
        theta: the parameters (p,).
        reports_success: whether the method says that this is the answer.
        steps: how many times it linearised the model.
    """

    theta: Tensor
    reports_success: bool
    steps: int


# (problem, start (p,)) -> where it ended; raises what the method raises.
Fitter = Callable[[NistProblem, Tensor], Fit]


def by_newton(problem: NistProblem, start: Tensor, curvature: Literal["ggn", "hessian"]) -> Fit:
    """`minimise` with `Newton`, at its defaults."""
    minimum = minimise(LeastSquares(problem.residuals), start, partial(Newton, curvature=curvature), MAX_STEPS)
    return Fit(minimum.theta, minimum.status == "converged", minimum.steps)


def by_scipy(problem: NistProblem, start: Tensor, method: Literal["lm", "trf"], tolerance: float | None = None) -> Fit:
    """`scipy.optimize.least_squares` with the exact Jacobian, in the parameters' own scale."""
    tolerances = {} if tolerance is None else dict.fromkeys(("xtol", "ftol", "gtol"), tolerance)
    jacobians = 0

    def residuals(b: NDArray[np.float64]) -> NDArray[np.float64]:
        return problem.residuals(torch.from_numpy(b)).numpy()

    def jacobian(b: NDArray[np.float64]) -> NDArray[np.float64]:
        nonlocal jacobians
        jacobians += 1
        found: Tensor = torch.func.jacfwd(problem.residuals)(torch.from_numpy(b))
        return found.numpy()

    with np.errstate(all="ignore"):  # of what overflows on the way; where it ended is looked at instead
        found = least_squares(
            residuals, start.numpy(), jacobian, method=method, x_scale="jac", max_nfev=MAX_EVALUATIONS, **tolerances
        )
    return Fit(torch.from_numpy(found.x), bool(found.success), jacobians)


class _Curve(torch.nn.Module):
    """A model as a module of its predictors."""

    def __init__(self, model: Model, start: Tensor) -> None:
        super().__init__()
        self.model, self.b = model, torch.nn.Parameter(start.clone())

    def forward(self, x: Tensor) -> Tensor:
        return self.model(self.b, x)


def by_torch_levenberg_marquardt(problem: NistProblem, start: Tensor, **damping: Any) -> Fit:
    """`LevenbergMarquardtModule`, step by step until it says stop: that is all it says."""
    from torch_levenberg_marquardt.damping import StandardDampingStrategy  # noqa: PLC0415
    from torch_levenberg_marquardt.training import LevenbergMarquardtModule  # noqa: PLC0415

    curve = _Curve(problem.model, start)
    training = LevenbergMarquardtModule(curve, damping_strategy=StandardDampingStrategy(**damping))
    for steps in range(1, MAX_STEPS + 1):
        if training.training_step(problem.x, problem.y)[2]:
            return Fit(curve.b.detach(), True, steps)
    return Fit(curve.b.detach(), False, MAX_STEPS)


OURS: dict[str, Fitter] = {
    "Newton, Gauss–Newton matrix": partial(by_newton, curvature="ggn"),
    "Newton, Hessian": partial(by_newton, curvature="hessian"),
}
SCIPY: dict[str, Fitter] = {
    "scipy lm": partial(by_scipy, method="lm"),
    "scipy lm, tight": partial(by_scipy, method="lm", tolerance=TIGHT),
    "scipy trf": partial(by_scipy, method="trf"),
    "scipy trf, tight": partial(by_scipy, method="trf", tolerance=TIGHT),
}
TORCH_LM: dict[str, Fitter] = {
    "torch-levenberg-marquardt": by_torch_levenberg_marquardt,
    "torch-levenberg-marquardt, Fletcher's damping": partial(by_torch_levenberg_marquardt, damping_mode="fletcher"),
}
