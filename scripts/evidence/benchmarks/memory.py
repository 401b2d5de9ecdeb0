"""Memory that a fit takes beyond its data, ours beside scikit-learn's, and a curvature diagonal beyond its network, beside
BackPACK's: each in a process of its own, after a small run of the same that loads what is loaded only once."""

from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec

import torch
from torch import Tensor

from evidence.benchmarks.apart import apart
from evidence.benchmarks.diagonal import CLASSES, DIAGONALS, NETWORKS, backpack_diagonal, our_diagonal
from evidence.benchmarks.glm import METHODS, TOLERANCE, Solver, by_trainer, gradient_max
from evidence.benchmarks.peak_memory import peak_mebibytes
from evidence.benchmarks.problems import Problem, drawn, shape
from evidence.benchmarks.row import BenchmarkRow

ROWS, FEATURES = 1_000_000, 50
SOLVERS = ("lbfgs", "newton-cholesky")
NAMES, ACTIVATION, BATCH = ("784-64-64-10", "784-512-128-10"), "relu", 256
SMALL = 200
ROUNDS = 3
NUM_ROWS = len(METHODS) * len(SOLVERS) + len(NAMES) * len(DIAGONALS)


def measure_peaks(_: str) -> Iterator[BenchmarkRow | str]:
    """MiB above what the process held when all was at hand but the work not begun.

    Raises:
        ArithmeticError: a fit does not reach the optimum.
        OSError: the system is not Linux.
    """
    yield from _fits()
    if find_spec("backpack") is None:
        yield "curvature diagonals: their peer, BackPACK, is not installed: pip install '.[bench]'"
        return
    for name in NAMES:
        for diagonal in DIAGONALS:
            ours, theirs = (partial(apart, diagonal_mebibytes, side, name, diagonal, BATCH) for side in ("ours", "BackPACK"))
            pairs = [(ours(), theirs()) for _ in range(ROUNDS)]
            mine, others = zip(*pairs, strict=True)
            yield BenchmarkRow(f"{diagonal} diagonal, {ACTIVATION} {name}", "MiB", "BackPACK", mine, others, False)


def _fits() -> Iterator[BenchmarkRow]:
    taken: dict[str, list[float]] = {side: [] for side in (*METHODS, *SOLVERS)}
    for _ in range(ROUNDS):
        for side, mebibytes in taken.items():
            largest, peak = apart(fit_mebibytes, side, ROWS, FEATURES)
            if not largest <= TOLERANCE:
                raise ArithmeticError(f"{side} ended at a gradient of {largest:.1e}, not 1e-8, so its memory means nothing")
            mebibytes.append(peak)
    for method in METHODS:
        for solver in SOLVERS:
            case, peer = f"{shape(ROWS, FEATURES)}: {method} by Trainer.fit", f"scikit-learn {solver}"
            yield BenchmarkRow(case, "MiB", peer, tuple(taken[method]), tuple(taken[solver]), more_is_better=False)


def fit_mebibytes(side: str, rows: int, features: int) -> tuple[float, float]:
    """‖∇‖∞ at the end and MiB on the way, by one of the methods or solvers."""
    fit: Callable[[Problem], Tensor]
    fit = partial(by_trainer, METHODS[side]) if side in METHODS else Solver(side, TOLERANCE / 16).fit
    fit(drawn(SMALL, 2))
    problem, found = drawn(rows, features), []
    peak = peak_mebibytes(lambda: found.append(fit(problem)))
    return gradient_max(problem, found[0]), peak


def diagonal_mebibytes(side: str, name: str, diagonal: str, rows: int) -> float:
    """MiB of one diagonal of a batch, forward pass included."""
    kind, widths = NETWORKS[name]
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(rows, widths[0], generator=generator), torch.randint(CLASSES, (rows,), generator=generator)
    network = kind(widths, ACTIVATION)
    if side == "ours":
        small, whole = (our_diagonal(network, x[:n], y[:n], diagonal) for n in (2, rows))
    else:
        small, whole = (backpack_diagonal(network, x[:n], y[:n], DIAGONALS[diagonal]) for n in (2, rows))
    small()
    return peak_mebibytes(whole)
