"""Newton's method on more and more features: the dense matrix and Cholesky, or products and conjugate gradients."""

import time
from collections.abc import Iterator
from functools import partial
from typing import Literal

from evidence.benchmarks.glm import TOLERANCE, bare, gradient_max
from evidence.benchmarks.problems import Problem, drawn, shape
from evidence.benchmarks.row import BenchmarkRow, seconds
from lightning_modules.optimizers import Newton

ROWS, DIMENSIONS = 20_000, (10, 100, 500, 1000, 2000, 5000)
ROUNDS = 3
# What takes longer is measured by its first run, which has little of what happens once.
LONG = 20.0
NUM_ROWS = len(DIMENSIONS) + 1
CG, DENSE = "conjugate gradients", "Cholesky"
SOLVERS: dict[str, Literal["cg", "cholesky"]] = {CG: "cg", DENSE: "cholesky"}


def time_solvers() -> Iterator[BenchmarkRow | str]:
    """Seconds to the optimum, and from how many features on conjugate gradients are first.

    Raises:
        ArithmeticError: one of them does not reach it.
    """
    rows = {}
    for features in DIMENSIONS:
        rows[features] = compared(drawn(ROWS, features))
        yield rows[features]
    yield winner({features: row.ratio for features, row in rows.items()})


def compared(problem: Problem) -> BenchmarkRow:
    """Both on one problem, in turn."""
    n, d = problem.features.shape
    ways = {name: partial(bare, partial(Newton, solver=solver), problem) for name, solver in SOLVERS.items()}
    first = {}
    for name, fit in ways.items():
        start = time.perf_counter()
        theta = fit()
        first[name] = time.perf_counter() - start
        if not (largest := gradient_max(problem, theta)) <= TOLERANCE:
            raise ArithmeticError(f"{shape(n, d)}: {name} ended at a gradient of {largest:.1e}, not 1e-8")
    pairs = [(first[CG], first[DENSE])]
    if sum(pairs[0]) < LONG:
        pairs = [(seconds(ways[CG]), seconds(ways[DENSE])) for _ in range(ROUNDS)]
    ours, theirs = zip(*pairs, strict=True)
    return BenchmarkRow(f"{shape(n, d)}: Newton, {CG}", "s", f"Newton, {DENSE}", ours, theirs, more_is_better=False)


def winner(ratios: dict[int, float]) -> str:
    """What the ratios of time by features say: conjugate gradients ÷ Cholesky."""
    slower = [features for features, ratio in ratios.items() if ratio >= 1]
    after = [features for features in ratios if not slower or features > max(slower)]
    if not after:
        return f"{ROWS} rows: {CG} win at no number of features up to {max(ratios)}"
    return f"{ROWS} rows: {CG} win from {min(after)} features on"
