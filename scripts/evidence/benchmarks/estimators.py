"""Estimators on small tables beside scikit-learn's, as somebody would call them, with all that is checked of the rows.

Both sides get the same arrays and the same penalty, scikit-learn's C=1, and end where the mean loss plus penalty differs by
less than 1e-8; scikit-learn takes the solver that is fastest on tables of this size.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.linear_model import LogisticRegression as ScikitLogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

from evidence.benchmarks.agreement import Agreement
from evidence.benchmarks.clocks import Reading, seconds
from evidence.benchmarks.pairing import Budget, compared
from evidence.benchmarks.row import BenchmarkRow
from lightning_modules.estimators import NewtonClassifier

Table = tuple[NDArray[np.float64], NDArray[np.int64]]
TABLES = {"breast cancer": load_breast_cancer, "Iris": load_iris, "wine": load_wine}
BUDGET, NUM_ROWS, ALIKE = Budget(least=51, most=501, seconds=20), 2 * len(TABLES), 1e-8


def time_small_fits(_: str) -> Iterator[BenchmarkRow]:
    """Milliseconds of a fit.

    Raises:
        ArithmeticError: both sides do not end at the same objective.
    """
    for name, load in TABLES.items():
        features, labels = load(return_X_y=True)
        yield both(f"{name}, standardised", (StandardScaler().fit_transform(features), labels))
        yield both(f"{name}, as it is", (features, labels))


def both(case: str, table: Table, tolerance: float = 1e-6) -> BenchmarkRow:
    """Both estimators in turn, after both have been looked at; `tolerance` is that of scikit-learn's solver."""
    ours = NewtonClassifier(l2=1 / len(table[0]))
    theirs = ScikitLogisticRegression(C=1.0, solver="newton-cholesky", tol=tolerance)
    gap = objective(ours.fit(*table), table) - objective(theirs.fit(*table), table)
    if not abs(gap) <= ALIKE:
        raise ArithmeticError(f"{case}: the objectives differ by {gap:.1e}, more than 1e-8, so no time means anything")

    def milliseconds(estimator: Any) -> Reading:
        return seconds(partial(estimator.fit, *table)).times(1e3)

    sides = partial(milliseconds, ours), partial(milliseconds, theirs)
    return compared(case, "ms", "scikit-learn newton-cholesky", sides, BUDGET, agreement=Agreement("objective", abs(gap)))


def objective(fitted: Any, table: Table) -> float:
    """Mean loss plus penalty."""
    features, labels = table
    penalty = 0.5 / len(features) * float(np.square(fitted.coef_).sum())
    return float(log_loss(labels, fitted.predict_proba(features))) + penalty
