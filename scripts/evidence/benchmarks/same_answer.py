"""Milliseconds of two ways to the same tensor, compared only after both were seen to give the same numbers."""

from collections.abc import Callable
from functools import partial

from torch import Tensor

from evidence.benchmarks.agreement import difference
from evidence.benchmarks.clocks import Reading, now, since
from evidence.benchmarks.pairing import Budget, compared
from evidence.benchmarks.row import BenchmarkRow, Role

# Largest difference between the two sides, as a share of the largest entry.
TOLERANCE = 1e-4
# A measurement is the mean of as many runs as fill so many milliseconds: one run of the smallest network is shorter than the
# slice of time that the machine gives to somebody else.
MILLISECONDS = 20.0

Answer = Callable[[], Tensor]


def compared_answers(
    case: str, peer: str, ours: Answer, theirs: Answer, budget: Budget, agreed: tuple[Tensor, Tensor] | None = None
) -> BenchmarkRow:
    """A row beside a rival.

    Args:
        case, peer: of the row.
        ours, theirs: what is timed.
        budget: of rounds and seconds.
        agreed: what both find, where that is not what they return.

    Raises:
        ArithmeticError: they do not give the same.
    """
    agreement = difference(*(agreed or (ours(), theirs())))
    if not agreement.value <= TOLERANCE:
        raise ArithmeticError(
            f"{case}: ours and {peer} differ by {agreement.value:.1e} of the largest entry, so no time means anything"
        )
    return compared(case, "ms", peer, together(ours, theirs), budget, agreement=agreement)


def beside(case: str, peer: str, role: Role, ours: Answer, theirs: Answer, budget: Budget) -> BenchmarkRow:
    """A row beside something that answers another question."""
    ours(), theirs()
    return compared(case, "ms", peer, together(ours, theirs), budget, role=role)


def together(*sides: Answer) -> list[Callable[[], Reading]]:
    """Each as a measurement, all of as many runs."""
    runs = max(1, round(MILLISECONDS / max(milliseconds(side).value for side in sides)))
    return [partial(milliseconds, side, runs) for side in sides]


def milliseconds(side: Callable[[], object], runs: int = 1) -> Reading:
    """Of one run, the mean of several."""
    begin = now()
    for _ in range(runs):
        side()
    return since(begin).times(1e3 / runs)
