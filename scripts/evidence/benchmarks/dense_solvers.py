"""Other libraries' solvers of a penalised logistic or softmax regression on a dense table.

scikit-learn's; glum's, which has two classes only; and skglm's prox-Newton, which has two classes and takes the squared penalty
as an elastic net without the other: its L-BFGS has no intercept. Each returns θ (p,) in the layout of `GLMObjective`, and makes
no more iterations than stand here: one that has not arrived by then is out.
"""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression as ScikitLogisticRegression
from torch import Tensor

from evidence.benchmarks.optional_peers import has
from evidence.benchmarks.problems import Problem

# One of newton-cg has many products in it.
SCIKIT = {"lbfgs": 300, "newton-cholesky": 50, "newton-cg": 10}
GLUM_ITERATIONS, SKGLM_ITERATIONS = 100, 20
OPTIONAL = ("glum", "skglm")


def dense_solvers(problem: Problem) -> dict[str, Callable[[float], Tensor]]:
    """Those that are installed and have as many classes, by their names; each takes its tolerance."""
    found: dict[str, Callable[[float], Tensor]] = {f"scikit-learn {name}": partial(by_scikit, problem, name) for name in SCIKIT}
    if problem.family.num_outputs == 1:
        found |= {"glum": partial(_by_glum, problem)} if has("glum") else {}
        if has("skglm"):
            # Its coordinates are columns, which it reads one after another; making them is no fitting.
            columns = np.asfortranarray(problem.features.numpy())
            found["skglm"] = partial(_by_skglm, columns, 2.0 * problem.targets.numpy() - 1, problem.l2)
    return found


def by_scikit(problem: Problem, solver: Any, tolerance: float) -> Tensor:
    """By one of scikit-learn's solvers."""
    model = ScikitLogisticRegression(C=1.0, solver=solver, tol=tolerance, max_iter=SCIKIT[solver])
    model.fit(problem.features.numpy(), problem.targets.numpy())
    return torch.cat([torch.from_numpy(model.coef_).flatten(), torch.from_numpy(model.intercept_)])


def _by_glum(problem: Problem, tolerance: float) -> Tensor:
    model = import_module("glum").GeneralizedLinearRegressor(
        family="binomial", alpha=problem.l2, l1_ratio=0, gradient_tol=tolerance, max_iter=GLUM_ITERATIONS
    )
    model.fit(problem.features.numpy(), problem.targets.double().numpy())
    return torch.tensor([*model.coef_, model.intercept_])


def _by_skglm(x: Any, signs: Any, l2: float, tolerance: float) -> Tensor:
    datafits, penalties, solvers = (import_module(f"skglm.{name}") for name in ("datafits", "penalties", "solvers"))
    solver = solvers.ProxNewton(tol=tolerance, max_iter=SKGLM_ITERATIONS, fit_intercept=True)
    return torch.from_numpy(solver.solve(x, signs, datafits.Logistic(), penalties.L1_plus_L2(l2, 0.0))[0])
