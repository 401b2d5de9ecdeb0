"""Newton's method on networks with many more parameters than rows: in the space of the rows, beside what else there is."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from evidence.benchmarks.agreement import Agreement
from evidence.benchmarks.clocks import Reading, now, since
from evidence.benchmarks.pairing import Budget, compared
from evidence.benchmarks.row import BenchmarkRow
from lightning_modules.networks import DenseNetwork
from lightning_modules.objectives import NetworkObjective
from lightning_modules.objectives.families import Gaussian
from lightning_modules.optimizers import Newton, StepReport, minimise

ROWS, FEATURES = 1000, 64
# Two hidden layers of this width: about 8 000 parameters, of which a matrix can be formed, and 100 000.
CASES: tuple[tuple[int, Literal["cholesky", "cg"], str], ...] = (
    (64, "cholesky", "Newton, Cholesky"),
    (285, "cg", "Newton, conjugate gradients"),
)
# To such a share of the first loss.
FALL = 1e-8
MOST_STEPS, BUDGET = 100, Budget(most=15, seconds=60)
NUM_ROWS = len(CASES)


def time_wide_networks() -> Iterator[BenchmarkRow]:
    """Seconds until the loss has all but vanished, as it does where there are more parameters than rows.

    Raises:
        ArithmeticError: one of them does not get there.
    """
    for case in CASES:
        yield both(*case)


def both(width: int, rival: Literal["cholesky", "cg"], name: str) -> BenchmarkRow:
    """Both on one network, in turn."""
    objective, start = problem(width)
    shares: list[float] = []
    ours, theirs = (partial(fitted, objective, start, solver, shares) for solver in ("woodbury", rival))
    size = f"{len(start):_} parameters, {ROWS:_} rows".replace("_", " ")
    row = compared(f"{size}: Newton, Woodbury", "s", name, (ours, theirs), BUDGET, role="ourselves")
    return replace(row, agreement=Agreement("objective", max(shares)))


def problem(width: int) -> tuple[NetworkObjective, Tensor]:
    """A tanh network on rows drawn at random, and its first parameters (p,)."""
    generator = torch.Generator().manual_seed(0)
    network = DenseNetwork((FEATURES, width, width, 1), "tanh")
    x = torch.randn(ROWS, FEATURES, dtype=torch.float64, generator=generator)
    y = torch.sin(x[:, :4].sum(1, keepdim=True)) + 0.1 * torch.randn(ROWS, 1, dtype=torch.float64, generator=generator)
    parts = [
        torch.randn(part.shape, dtype=torch.float64, generator=generator) / part.shape[-1] ** 0.5
        if part.ndim == 2
        else torch.zeros(part.shape, dtype=torch.float64)
        for part in network.parameters()
    ]
    return NetworkObjective(network, Gaussian(1), x, y), torch.cat([part.flatten() for part in parts])


def fitted(
    objective: NetworkObjective, start: Tensor, solver: Literal["woodbury", "cholesky", "cg"], shares: list[float]
) -> Reading:
    """Seconds to the end of a fit; the loss there as a share of the first is appended.

    Raises:
        ArithmeticError: it does not get there.
    """
    objective.forget()
    first = float(objective.point(start).value)

    def is_there(report: StepReport) -> bool:
        return report.theta is not None and float(objective.at(report.theta).value) <= FALL * first

    begin = now()
    found = minimise(objective, start, partial(Newton, solver=solver), MOST_STEPS, is_there)
    spent = since(begin)
    shares.append(found.value / first)
    if not shares[-1] <= FALL:
        raise ArithmeticError(f"{len(start)} parameters: {solver} ended at a loss of {found.value:.1e}, not {FALL * first:.1e}")
    return spent
