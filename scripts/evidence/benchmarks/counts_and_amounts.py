"""Regressions of counts and amounts to ‖∇‖∞ ≤ 1e-8: ours against the fastest of scikit-learn's solvers and of glum.

All get the same arrays and the same objective, half the mean deviance plus l2/2 ‖w‖², and all are checked to end where the
largest entry of its gradient is below 1e-8.
"""

import importlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.linear_model import GammaRegressor, PoissonRegressor, TweedieRegressor
from torch import Tensor

from evidence.benchmarks.fastest_peer import Solver, fastest, fits_in_turn, gradient_goal
from evidence.benchmarks.optional_peers import has
from evidence.benchmarks.pairing import Budget
from evidence.benchmarks.problems import shape as shape_of
from evidence.benchmarks.row import BenchmarkRow
from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import Family, Gamma, Poisson, Tweedie
from lightning_modules.optimizers import Newton, minimise

TOLERANCE, L2 = 1e-8, 1e-4
SHAPE = (600_000, 50)
BUDGET = Budget(seconds=40)
NUM_ROWS = 3


class Regression(NamedTuple):
    """A family, how its targets are drawn from their means, and what the peers call it."""

    family: Family
    draw: Callable[[np.random.Generator, Any], Any]
    in_scikit: Callable[..., Any]
    in_glum: str


REGRESSIONS = {
    "Poisson": Regression(Poisson(), lambda rng, mean: rng.poisson(mean), PoissonRegressor, "poisson"),
    "gamma": Regression(Gamma(), lambda rng, mean: rng.gamma(2.0, mean / 2), GammaRegressor, "gamma"),
    "Tweedie, power 1.5": Regression(
        Tweedie(1.5),
        lambda rng, mean: rng.poisson(mean) * rng.gamma(2.0, 0.5, len(mean)),
        partial(TweedieRegressor, power=1.5, link="log"),
        "tweedie (1.5)",
    ),
}


def time_to_optimum_of_counts(shape: tuple[int, int] = SHAPE, budget: Budget = BUDGET) -> Iterator[BenchmarkRow]:
    """Seconds to the optimum of each regression, in turn with the fastest peer.

    Raises:
        ArithmeticError: we do not reach it, or no peer does.
    """
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape)
    mean = np.exp(0.3 + x @ (0.5 * rng.normal(size=shape[1]) / shape[1] ** 0.5))
    for name, regression in REGRESSIONS.items():
        y = regression.draw(rng, mean).astype(float)
        goal = gradient_goal(GLMObjective(regression.family, torch.from_numpy(x), torch.from_numpy(y), L2), TOLERANCE)
        peer = fastest(name, _peers(regression, x, y), (TOLERANCE, TOLERANCE / 16), goal)
        ours = {": Newton": partial(_ours, regression.family, x, y)}
        yield from fits_in_turn(f"{name}, {shape_of(*shape)}", "s", ours, peer, goal, budget)


def _ours(family: Family, x: Any, y: Any) -> Tensor:
    objective = GLMObjective(family, torch.from_numpy(x), torch.from_numpy(y), L2)
    start = torch.zeros(x.shape[1] + 1, dtype=torch.float64)
    return minimise(objective, start, partial(Newton, tolerance=TOLERANCE)).theta


def _peers(regression: Regression, x: Any, y: Any) -> dict[str, Solver]:
    found: dict[str, Solver] = {
        f"scikit-learn {solver}": partial(_by_scikit, regression, x, y, solver) for solver in ("lbfgs", "newton-cholesky")
    }
    return found | ({"glum": partial(_by_glum, regression, x, y)} if has("glum") else {})


def _by_scikit(regression: Regression, x: Any, y: Any, solver: str, tolerance: float) -> Tensor:
    model = regression.in_scikit(alpha=L2, solver=solver, tol=tolerance, max_iter=1000).fit(x, y)
    return torch.tensor([*model.coef_, model.intercept_])


def _by_glum(regression: Regression, x: Any, y: Any, tolerance: float) -> Tensor:
    glum = importlib.import_module("glum")
    model = glum.GeneralizedLinearRegressor(
        family=regression.in_glum, link="log", alpha=L2, l1_ratio=0, gradient_tol=tolerance, max_iter=1000
    ).fit(x, y)
    return torch.tensor([*model.coef_, model.intercept_])
