"""Tables with categories to ‖∇‖∞ ≤ 1e-8: ours on codes, against glum on its split matrices and scikit-learn's solvers.

5 numbers and three categories of 100, 30 and 16 levels; everybody gets the table in their own form, ready made, the solvers
of scikit-learn a sparse matrix, or all indicators where one takes nothing else. All minimise the same objective, the mean
loss plus l2/2 ‖w‖², of the same features, the indicators of all levels but the first.
"""

import importlib
from collections.abc import Iterator
from functools import partial
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression, PoissonRegressor
from torch import Tensor

from evidence.benchmarks.fastest_peer import Solver, fastest, fits_in_turn, gradient_goal
from evidence.benchmarks.optional_peers import has
from evidence.benchmarks.pairing import Budget
from evidence.benchmarks.problems import shape as shape_of
from evidence.benchmarks.row import BenchmarkRow
from lightning_modules.objectives import CodedColumns, GLMObjective
from lightning_modules.objectives.families import Bernoulli, Family, Poisson
from lightning_modules.optimizers import Newton, minimise

TOLERANCE, L2 = 1e-8, 1e-4
ROWS, NUMBERS, LEVELS = 300_000, 5, (100, 30, 16)
BUDGET = Budget(seconds=40)
NUM_ROWS = 2


class CodedTable(NamedTuple):
    """Numbers (n, q), a code (n,) for each category, and targets (n,)."""

    numbers: NDArray[np.float64]
    codes: list[NDArray[np.int64]]
    targets: NDArray[np.float64]

    @property
    def columns(self) -> CodedColumns:
        """What it is to us."""
        widths, q = tuple(levels - 1 for levels in LEVELS), self.numbers.shape[1]
        firsts = tuple(accumulate(widths[:-1], initial=q))
        d = q + sum(widths)
        return CodedColumns(d, tuple(range(q)), widths, firsts, torch.zeros(d).double(), torch.ones(d).double())

    @property
    def stored(self) -> Tensor:
        """As we store it (n, c)."""
        return torch.from_numpy(np.column_stack([self.numbers, *self.codes]))

    @property
    def sparse(self) -> Any:
        """Indicators (n, d) of SciPy."""
        indicators = [sparse.csr_matrix((np.ones(len(code)), (np.arange(len(code)), code)))[:, 1:] for code in self.codes]
        return sparse.hstack([sparse.csr_matrix(self.numbers), *indicators], format="csr")

    @property
    def split(self) -> Any:
        """A matrix of tabmat."""
        tabmat = importlib.import_module("tabmat")
        categories = [tabmat.CategoricalMatrix(code, drop_first=True) for code in self.codes]
        return tabmat.SplitMatrix([tabmat.DenseMatrix(self.numbers), *categories])


def table(family: Family, rows: int = ROWS) -> CodedTable:
    """Rows drawn from a model of the family."""
    rng = np.random.default_rng(0)
    numbers, codes = rng.normal(size=(rows, NUMBERS)), [rng.integers(0, levels, rows) for levels in LEVELS]
    z = numbers @ rng.normal(scale=0.3, size=NUMBERS) - 0.5
    z += sum(rng.normal(scale=0.3, size=levels)[code] for levels, code in zip(LEVELS, codes, strict=True))
    y = rng.poisson(np.exp(z)) if isinstance(family, Poisson) else rng.random(rows) < 1 / (1 + np.exp(-z))
    return CodedTable(numbers, codes, y.astype(float))


def time_to_optimum_of_categories(rows: int = ROWS, budget: Budget = BUDGET) -> Iterator[BenchmarkRow]:
    """Seconds to the optimum of a logistic and a Poisson regression, in turn with the fastest peer.

    Raises:
        ArithmeticError: we do not reach it, or no peer does.
    """
    for name, family in (("logistic", Bernoulli()), ("Poisson", Poisson())):
        data = table(family, rows)
        targets, columns, stored = torch.from_numpy(data.targets), data.columns, data.stored

        def ours(family: Any = family, y: Any = targets, columns: Any = columns, stored: Any = stored) -> Tensor:
            objective = GLMObjective(family, stored, y, L2, columns=columns)
            start = torch.zeros(columns.num_features + 1, dtype=torch.float64)
            return minimise(objective, start, partial(Newton, tolerance=TOLERANCE)).theta

        goal = gradient_goal(GLMObjective(family, stored, targets, L2, columns=columns), TOLERANCE)
        peer = fastest(name, _peers(family, data), (TOLERANCE, TOLERANCE / 16), goal)
        case = f"{name}, {shape_of(rows, NUMBERS)} and {len(LEVELS)} categories"
        yield from fits_in_turn(case, "s", {": Newton": ours}, peer, goal, budget)


def _peers(family: Family, data: CodedTable) -> dict[str, Solver]:
    matrix, y = data.sparse, data.targets
    found: dict[str, Solver] = {
        f"scikit-learn {solver}, sparse": partial(_by_scikit, family, matrix, y, solver)
        for solver in (("lbfgs",) if isinstance(family, Poisson) else ("lbfgs", "newton-cg"))
    }
    found["scikit-learn newton-cholesky"] = partial(_by_scikit, family, matrix.toarray(), y, "newton-cholesky")
    return found | ({"glum": partial(_by_glum, family, data.split, y)} if has("glum") else {})


def _by_scikit(family: Family, x: Any, y: Any, solver: Any, tolerance: float) -> Tensor:
    model: Any = (
        PoissonRegressor(alpha=L2, solver=solver, tol=tolerance, max_iter=1000)
        if isinstance(family, Poisson)
        else LogisticRegression(C=1 / (len(y) * L2), solver=solver, tol=tolerance, max_iter=1000)
    )
    model.fit(x, y)
    return torch.tensor([*model.coef_.ravel(), float(np.squeeze(model.intercept_))])


def _by_glum(family: Family, x: Any, y: Any, tolerance: float) -> Tensor:
    glum = importlib.import_module("glum")
    name = "poisson" if isinstance(family, Poisson) else "binomial"
    model = glum.GeneralizedLinearRegressor(family=name, alpha=L2, l1_ratio=0, gradient_tol=tolerance, max_iter=1000)
    model.fit(x, y)
    return torch.tensor([*model.coef_, model.intercept_])
