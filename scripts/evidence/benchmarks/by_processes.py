"""Two processes of one thread each, which talk by gloo, beside one process of one thread.

All have the same rows at hand and take their share of them: half the time is all that can be had. Where other programs keep the
second core busy, the processor's time of one of them tells what the clock cannot.
"""

import time
from collections.abc import Iterator
from functools import partial

from evidence.benchmarks.apart import apart
from evidence.benchmarks.glm import METHODS, TOLERANCE, by_trainer, gradient_max
from evidence.benchmarks.problems import drawn, shape
from evidence.benchmarks.row import BenchmarkRow

ROWS, FEATURES = 1_000_000, 50
ROUNDS, FITS = 3, 3
CLOCKS = {"s": time.perf_counter, "CPU s": time.process_time}
NUM_ROWS = len(METHODS) * len(CLOCKS)


def time_processes() -> Iterator[BenchmarkRow]:
    """Seconds of a fit by `Trainer.fit`, after a first one that starts what is started once.

    Raises:
        ArithmeticError: a fit does not reach the optimum.
    """
    for method in METHODS:
        rounds = [[fits_apart(method, processes) for processes in (2, 1)] for _ in range(ROUNDS)]
        for clock, unit in enumerate(CLOCKS):
            two, one = (tuple(fit[clock] for pair in rounds for fit in pair[side]) for side in (0, 1))
            case = f"{shape(ROWS, FEATURES)}: {method} by 2 processes, each"
            yield BenchmarkRow(case, unit, "1 process", two, one, more_is_better=False)


def fits_apart(method: str, processes: int) -> list[list[float]]:
    """Seconds by each clock of some fits by so many processes.

    Raises:
        ArithmeticError: they do not reach the optimum.
    """
    largest, fits = apart(fit_seconds, method, ROWS, FEATURES, processes, FITS, threads=1)
    if not largest <= TOLERANCE:
        raise ArithmeticError(f"{method} by {processes} processes ended at a gradient of {largest:.1e}, not 1e-8")
    return list(fits)


def fit_seconds(method: str, rows: int, features: int, processes: int, fits: int) -> tuple[float, list[list[float]]]:
    """‖∇‖∞ at the end, and the seconds of each fit by each clock, in each process."""
    problem = drawn(rows, features)
    fit = partial(by_trainer, METHODS[method], problem, processes)
    theta, spent = fit(), []
    for _ in range(fits):
        starts = [clock() for clock in CLOCKS.values()]
        fit()
        spent.append([clock() - start for clock, start in zip(CLOCKS.values(), starts, strict=True)])
    return gradient_max(problem, theta), spent
