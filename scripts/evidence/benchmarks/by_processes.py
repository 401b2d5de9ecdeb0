"""Two processes of one thread each, which talk by gloo, beside one process of one thread.

All have the same rows at hand and take their share of them: half the time is all that can be had. Where other programs keep the
second core busy, the processor's time of one of the two tells what the clock on the wall cannot.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from statistics import median

from evidence.benchmarks.agreement import Agreement
from evidence.benchmarks.apart import apart
from evidence.benchmarks.clocks import Reading, seconds
from evidence.benchmarks.glm import METHODS, TOLERANCE, by_trainer, gradient_max
from evidence.benchmarks.pairing import Budget, compared
from evidence.benchmarks.problems import drawn, shape
from evidence.benchmarks.row import BenchmarkRow

ROWS, FEATURES = 1_000_000, 50
BUDGET, FITS = Budget(most=10, seconds=120), 3
NUM_ROWS = len(METHODS)


def time_processes() -> Iterator[BenchmarkRow]:
    """Seconds of a fit by `Trainer.fit`, after a first one that starts what is started once.

    Raises:
        ArithmeticError: a fit does not reach the optimum.
    """
    for method in METHODS:
        ends: list[float] = []
        ours, theirs = (partial(fit_apart, method, processes, ends) for processes in (2, 1))
        case = f"{shape(ROWS, FEATURES)}: {method} by 2 processes, each"
        row = compared(case, "s", "1 process", (ours, theirs), BUDGET, role="ourselves")
        yield replace(row, agreement=Agreement("gradient", max(ends)))


def fit_apart(method: str, processes: int, ends: list[float]) -> Reading:
    """Seconds of a fit by so many processes, the median of some; the largest entry of the gradient at the end is appended.

    Raises:
        ArithmeticError: they do not reach the optimum.
    """
    largest, spent = apart(fit_seconds, method, ROWS, FEATURES, processes, FITS, threads=1)
    if not largest <= TOLERANCE:
        raise ArithmeticError(f"{method} by {processes} processes ended at a gradient of {largest:.1e}, not 1e-8")
    ends.append(largest)
    return Reading(*map(median, zip(*spent, strict=True)))


def fit_seconds(method: str, rows: int, features: int, processes: int, fits: int) -> tuple[float, list[Reading]]:
    """‖∇‖∞ at the end, and the seconds of each fit by each clock, in each process."""
    problem = drawn(rows, features)
    fit = partial(by_trainer, METHODS[method], problem, processes)
    theta = fit()
    return gradient_max(problem, theta), [seconds(fit) for _ in range(fits)]
