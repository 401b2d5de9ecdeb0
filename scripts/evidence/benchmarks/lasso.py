"""Minimisers under an l1 penalty, and a path of 100 of them: ours against the fastest of skglm, celer, glum and scikit-learn.

All get the same rows and the same penalty, in the order of memory they like best, and all are checked to end at an objective
within 1e-8 of the lowest that was found, relative to it: a peer's tolerance is lowered until it does. What they compile at
their first call is not counted.
"""

import importlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import Lasso, lasso_path

from evidence.benchmarks.fastest_peer import Goal, Solver, fastest, fits_in_turn
from evidence.benchmarks.optional_peers import has
from evidence.benchmarks.pairing import Budget
from evidence.benchmarks.problems import shape as shape_of
from evidence.benchmarks.row import BenchmarkRow
from lightning_modules.lasso import minimise_l1, penalty_path
from lightning_modules.lasso.problem import PenalisedProblem
from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import Bernoulli, Family, Gaussian, Poisson

Array = NDArray[np.float64]
TOLERANCE, TOLERANCES = 1e-8, (1e-4, 1e-6, 1e-8, 1e-10, 1e-12)
SHAPE, PATH = (600_000, 50), (300, 1000)
# The penalty beside the least one that takes all coefficients to 0.
SHARE, SMALLEST, NUM = 0.05, 1e-2, 100
BUDGET = Budget(seconds=40)


class Case(NamedTuple):
    """Rows under a penalty, or under a path of m, from the largest on. An answer is θ of each, the intercept last: (m, p)."""

    family: Family
    x: Array
    y: Array
    penalties: list[float]

    def objective(self) -> GLMObjective:
        """The loss without a penalty."""
        return GLMObjective(self.family, torch.from_numpy(self.x), torch.from_numpy(self.y))

    def values(self, thetas: Array) -> Array:
        """The objective of each penalty (m,)."""
        loss = self.objective()
        return np.array(
            [
                float(loss.value(torch.from_numpy(theta))) + l1 * np.abs(theta[:-1]).sum()
                for l1, theta in zip(self.penalties, thetas, strict=True)
            ]
        )


def drawn(family: Family, shape: tuple[int, int], draw: Callable[[np.random.Generator, Array], Any], num: int) -> Case:
    """Columns of which a third, or fifty, count, with some correlation."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape) + 0.5 * rng.normal(size=(shape[0], 1))
    w, count = np.zeros(shape[1]), min(50, shape[1] // 3)
    w[:count] = rng.normal(size=count) / count**0.5
    case = Case(family, x, draw(rng, 0.3 + x @ w).astype(float), [])
    largest = PenalisedProblem(case.objective()).largest_l1
    return case._replace(penalties=(largest * (np.geomspace(1, SMALLEST, num) if num > 1 else np.array([SHARE]))).tolist())


DRAWS: dict[str, tuple[Family, Callable[[np.random.Generator, Array], Any]]] = {
    "Gaussian": (Gaussian(1), lambda rng, z: z + rng.normal(size=len(z))),
    "logistic": (Bernoulli(), lambda rng, z: rng.random(len(z)) < 1 / (1 + np.exp(-z))),
    "Poisson": (Poisson(), lambda rng, z: rng.poisson(np.exp(0.5 * z))),
}
NUM_ROWS = len(DRAWS) + 1


def time_to_sparse_optimum(
    shape: tuple[int, int] = SHAPE, path: tuple[int, int] = PATH, budget: Budget = BUDGET
) -> Iterator[BenchmarkRow | str]:
    """Seconds to the minimiser, and to the end of the path, in turn with the fastest peer; a remark where none is installed.

    Raises:
        ArithmeticError: we do not reach it, or no peer does.
    """
    for name, (family, draw) in DRAWS.items():
        case = f"{name} lasso, {shape_of(*shape)}"
        if name == "Gaussian" or has("skglm") or has("glum"):
            yield from _compared(case, drawn(family, shape, draw, 1), budget)
        else:
            yield f"{case}: nobody to compare with; pip install '.[bench]' brings skglm and glum"
    family, draw = DRAWS["Gaussian"]
    yield from _compared(f"Gaussian lasso, path of {NUM}, {shape_of(*path)}", drawn(family, path, draw, NUM), budget)


def _compared(name: str, case: Case, budget: Budget) -> Iterator[BenchmarkRow]:
    ours = partial(_ours, case)
    goal = _goal(name, case, case.values(ours()))
    peer = fastest(name, _peers(case), TOLERANCES, goal)
    yield from fits_in_turn(name, "s", {"": ours}, peer, goal, budget)


def _goal(name: str, case: Case, lowest: Array) -> Goal:
    """As low as the lowest objectives (m,), which are ours: whoever is lower by more than the tolerance stops everything."""

    def distance(thetas: Array) -> float:
        values = case.values(thetas)
        above = (values - lowest) / np.abs(lowest)
        if above.min() < -TOLERANCE:
            raise ArithmeticError(f"{name}: a peer is lower by more than 1e-8, so no time means anything")
        return float(np.abs(above).max())

    return Goal("objective", distance, TOLERANCE)


def _ours(case: Case) -> Array:
    objective = case.objective()
    if len(case.penalties) > 1:
        return np.stack([each.theta.numpy() for each in penalty_path(objective, penalties=case.penalties)])
    return minimise_l1(objective, case.penalties[0]).theta.numpy()[None]


# -- the peers ---------------------------------------------------------------------------------------------------------


def _peers(case: Case) -> dict[str, Solver]:
    """Those that are installed and have such a loss."""
    is_gaussian, is_path = isinstance(case.family, Gaussian), len(case.penalties) > 1
    peers: dict[str, Callable[[Case, float], Array]] = {}
    if is_gaussian and has("celer"):
        peers["celer"] = _by_celer
    if is_gaussian:
        peers["scikit-learn"] = _path_by_scikit if is_path else _by_scikit
    if has("skglm"):
        peers["skglm"] = _by_skglm
    if has("glum") and not is_path:
        peers["glum"] = _by_glum
    return {name: partial(peer, case) for name, peer in peers.items()}


def _in_columns(case: Case) -> Array:
    """The columns one after another in memory, as coordinate descent reads them; kept, since making them is no fitting."""
    if not (_COLUMNS and _COLUMNS[0][0] is case.x):
        _COLUMNS[:] = [(case.x, np.asfortranarray(case.x))]
    return _COLUMNS[0][1]


# Of the last case: its rows, and their columns.
_COLUMNS: list[tuple[Array, Array]] = []


def _by_scikit(case: Case, tolerance: float) -> Array:
    model = Lasso(case.penalties[0], tol=tolerance, max_iter=10_000).fit(_in_columns(case), case.y)
    return np.array([[*model.coef_, model.intercept_]])


def _path_by_scikit(case: Case, tolerance: float) -> Array:
    x, mean, shift = _in_columns(case), case.x.mean(0), case.y.mean()
    _, weights, _ = lasso_path(np.asfortranarray(x - mean), case.y - shift, alphas=case.penalties, tol=tolerance)
    return np.column_stack([weights.T, shift - weights.T @ mean])


def _by_celer(case: Case, tolerance: float) -> Array:
    celer = importlib.import_module("celer")
    x, mean, shift = _in_columns(case), case.x.mean(0), case.y.mean()
    _, weights, _ = celer.celer_path(
        np.asfortranarray(x - mean), case.y - shift, "lasso", alphas=np.array(case.penalties), tol=tolerance, max_iter=500
    )
    return np.column_stack([weights.T, shift - weights.T @ mean])


def _by_skglm(case: Case, tolerance: float) -> Array:
    datafits, penalties, solvers = (importlib.import_module(f"skglm.{name}") for name in ("datafits", "penalties", "solvers"))
    is_gaussian, is_binary = isinstance(case.family, Gaussian), isinstance(case.family, Bernoulli)
    solver = (solvers.AndersonCD if is_gaussian else solvers.ProxNewton)(
        tol=tolerance, max_iter=200, fit_intercept=True, warm_start=True
    )
    x, y = _in_columns(case), 2 * case.y - 1 if is_binary else case.y
    w, z, found = np.zeros(x.shape[1] + 1), np.zeros(len(x)), []
    for l1 in case.penalties:
        datafit = datafits.Quadratic() if is_gaussian else datafits.Logistic() if is_binary else datafits.Poisson()
        w = solver.solve(x, y, datafit, penalties.L1(l1), w, z)[0]
        z = x @ w[:-1] + w[-1] if len(case.penalties) > 1 else z
        found.append(w.copy())
    return np.stack(found)


def _by_glum(case: Case, tolerance: float) -> Array:
    glum = importlib.import_module("glum")
    name = {"Gaussian": "normal", "Bernoulli": "binomial", "Poisson": "poisson"}[type(case.family).__name__]
    model = glum.GeneralizedLinearRegressor(
        family=name, alpha=case.penalties[0], l1_ratio=1, gradient_tol=tolerance, max_iter=1000
    ).fit(case.x, case.y)
    return np.array([[*model.coef_, model.intercept_]])
