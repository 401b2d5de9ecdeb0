"""Memory that a fit takes beyond its data, ours beside scikit-learn's, and a curvature diagonal beyond its network, beside
BackPACK's: each in a process of its own, after a small run of the same that loads what is loaded only once."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product

import torch
from torch import Tensor

from evidence.benchmarks.agreement import Agreement
from evidence.benchmarks.apart import apart
from evidence.benchmarks.clocks import Reading
from evidence.benchmarks.dense_solvers import by_scikit
from evidence.benchmarks.diagonal import DIAGONALS, backpack_diagonal, our_diagonal
from evidence.benchmarks.glm import METHODS, TOLERANCE, by_trainer, gradient_max
from evidence.benchmarks.measured_networks import DENSE, batch_of
from evidence.benchmarks.optional_peers import has, missing
from evidence.benchmarks.pairing import Budget, compared, in_turn, row_of
from evidence.benchmarks.peak_memory import peak_mebibytes
from evidence.benchmarks.problems import Problem, drawn, shape
from evidence.benchmarks.row import BenchmarkRow

ROWS, FEATURES = 1_000_000, 50
SOLVERS = ("lbfgs", "newton-cholesky")
NAMES, ACTIVATION, BATCH = ("784-64-64-10", "784-512-128-10"), "relu", 256
SMALL = 200
BUDGET = Budget(most=7, seconds=120)
NUM_ROWS = len(METHODS) * len(SOLVERS) + len(NAMES) * len(DIAGONALS)


def measure_peaks(_: str) -> Iterator[BenchmarkRow | str]:
    """MiB above what the process held when all was at hand but the work not begun.

    Raises:
        ArithmeticError: a fit does not reach the optimum.
        OSError: the system is not Linux.
    """
    yield from _fits()
    yield from missing("backpack")
    if not has("backpack"):
        return
    for name in NAMES:
        for diagonal in DIAGONALS:
            sides = [partial(_diagonal_apart, side, name, diagonal) for side in ("ours", "BackPACK")]
            yield compared(f"{diagonal} diagonal, {ACTIVATION} {name}", "MiB", "BackPACK", sides, BUDGET)


def _fits() -> Iterator[BenchmarkRow]:
    ends: dict[str, float] = {}
    pairs = list(product(METHODS, SOLVERS))
    found = in_turn({side: partial(_fit_apart, side, ends) for side in (*METHODS, *SOLVERS)}, pairs, BUDGET)
    for method, solver in pairs:
        case, agreement = (
            f"{shape(ROWS, FEATURES)}: {method} by Trainer.fit",
            Agreement("gradient", max(ends[method], ends[solver])),
        )
        yield row_of(case, "MiB", f"scikit-learn {solver}", found[method], found[solver], agreement=agreement)


def _fit_apart(side: str, ends: dict[str, float]) -> Reading:
    """MiB of a fit in a process of its own; keeps where it ended."""
    ends[side], peak = apart(fit_mebibytes, side, ROWS, FEATURES)
    if not ends[side] <= TOLERANCE:
        raise ArithmeticError(f"{side} ended at a gradient of {ends[side]:.1e}, not 1e-8, so its memory means nothing")
    return Reading(peak)


def _diagonal_apart(side: str, name: str, diagonal: str) -> Reading:
    return Reading(apart(diagonal_mebibytes, side, name, diagonal, BATCH))


def fit_mebibytes(side: str, rows: int, features: int) -> tuple[float, float]:
    """‖∇‖∞ at the end and MiB on the way, by one of the methods or solvers."""
    fit: Callable[[Problem], Tensor]
    fit = partial(by_trainer, METHODS[side]) if side in METHODS else partial(by_scikit, solver=side, tolerance=TOLERANCE / 16)
    fit(drawn(SMALL, 2))
    problem, found = drawn(rows, features), []
    peak = peak_mebibytes(lambda: found.append(fit(problem)))
    return gradient_max(problem, found[0]), peak


def diagonal_mebibytes(side: str, name: str, diagonal: str, rows: int) -> float:
    """MiB of one diagonal of a batch, forward pass included."""
    kind, widths = DENSE[name]
    x, y = batch_of(rows, widths[:1], torch.Generator().manual_seed(0))
    network = kind(widths, ACTIVATION)
    batches = [(x[:n], y[:n]) for n in (2, rows)]
    small: Callable[[], Tensor]
    whole: Callable[[], Tensor]
    if side == "ours":
        small, whole = (partial(our_diagonal, network, batch, diagonal) for batch in batches)
    else:
        small, whole = (backpack_diagonal(network, batch, DIAGONALS[diagonal]) for batch in batches)
    small()
    return peak_mebibytes(whole)
