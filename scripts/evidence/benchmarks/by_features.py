"""Newton's method on more and more features: the dense matrix and Cholesky, or products and conjugate gradients."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Literal

from evidence.benchmarks.agreement import Agreement
from evidence.benchmarks.clocks import Reading, now, since
from evidence.benchmarks.glm import TOLERANCE, bare, gradient_max
from evidence.benchmarks.pairing import Budget, compared
from evidence.benchmarks.problems import Problem, drawn, shape
from evidence.benchmarks.row import BenchmarkRow
from lightning_modules.optimizers import Newton

ROWS, DIMENSIONS = 20_000, (10, 100, 500, 1000, 2000, 5000)
BUDGET = Budget(most=15, seconds=30)
NUM_ROWS = len(DIMENSIONS) + 1
CG, DENSE = "conjugate gradients", "Cholesky"
SOLVERS: dict[str, Literal["cg", "cholesky"]] = {CG: "cg", DENSE: "cholesky"}


def time_solvers() -> Iterator[BenchmarkRow | str]:
    """Seconds to the optimum, and from how many features on conjugate gradients are first.

    Raises:
        ArithmeticError: one of them does not reach it.
    """
    for name in SOLVERS:
        _fitted(name, drawn(ROWS, DIMENSIONS[0]), [])  # what happens once
    highest = {}
    for features in DIMENSIONS:
        row = both(drawn(ROWS, features))
        highest[features] = row.interval[1] if row.interval and row.is_settled else float("inf")
        yield row
    yield winner(highest)


def both(problem: Problem) -> BenchmarkRow:
    """Both on one problem, in turn, every fit looked at."""
    ends: list[float] = []
    ours, theirs = (partial(_fitted, name, problem, ends) for name in (CG, DENSE))
    case = f"{shape(*problem.features.shape)}: Newton, {CG}"
    row = compared(case, "s", f"Newton, {DENSE}", (ours, theirs), BUDGET, role="ourselves")
    return replace(row, agreement=Agreement("gradient", max(ends)))


def _fitted(name: str, problem: Problem, ends: list[float]) -> Reading:
    """Seconds of a fit; the largest entry of the gradient at its end is appended."""
    begin = now()
    theta = bare(partial(Newton, solver=SOLVERS[name]), problem)
    spent = since(begin)
    ends.append(gradient_max(problem, theta))
    if not ends[-1] <= TOLERANCE:
        raise ArithmeticError(f"{shape(*problem.features.shape)}: {name} ended at a gradient of {ends[-1]:.1e}, not 1e-8")
    return spent


def winner(highest: dict[int, float]) -> str:
    """What the upper ends of the intervals of conjugate gradients ÷ Cholesky, ∞ where it is too noisy, say by features."""
    slower = [features for features, ratio in highest.items() if ratio >= 1]
    after = [features for features in highest if not slower or features > max(slower)]
    if not after:
        return f"{ROWS} rows: {CG} win at no number of features up to {max(highest)}"
    return f"{ROWS} rows: {CG} win from {min(after)} features on"
