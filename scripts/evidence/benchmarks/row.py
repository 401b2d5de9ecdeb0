"""One comparison of the benchmark: repeated, interleaved measurements of two ways to the same result."""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True)
class BenchmarkRow:
    """Measurements taken in turn, so that the k-th of ours and of theirs saw the same state of the machine.

    Attributes:
        case: what was measured.
        unit: of the measurements.
        peer: whose the others are.
        ours, theirs: measurements, pair by pair.
        more_is_better: whether larger numbers win.
    """

    case: str
    unit: str
    peer: str
    ours: tuple[float, ...]
    theirs: tuple[float, ...]
    more_is_better: bool

    @property
    def ratio(self) -> float:
        """Median of the pairs' ratios, ours ÷ theirs."""
        return median(ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True))

    @property
    def better(self) -> str:
        """Who wins by the median ratio."""
        return "ours" if (self.ratio > 1) == self.more_is_better else "theirs"

    def cells(self) -> tuple[str, ...]:
        """A row of the table."""
        texts = (f"{number(median(v))} {self.unit} ({number(min(v))} … {number(max(v))})" for v in (self.ours, self.theirs))
        return (self.case, *texts, self.peer, f"{number(self.ratio)}", self.better)

    def plain(self) -> dict[str, Any]:
        """Plain values for a file."""
        return {**asdict(self), "ratio": self.ratio, "better": self.better}


def number(value: float) -> str:
    """Three digits, or all of those before the point."""
    if math.isinf(value):
        return "∞"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def in_turn(
    case: str, unit: str, peer: str, ours: Callable[[], float], theirs: Callable[[], float], rounds: int
) -> BenchmarkRow:
    """Measure both ways in turn so many times, less being better; a first measurement of each is not counted."""
    ours(), theirs()
    pairs = []
    for number in range(rounds):
        # Each is the first of a pair as often as the other: what ran before may still have threads that wait.
        if number % 2:
            second = theirs()
            pairs.append((ours(), second))
        else:
            pairs.append((ours(), theirs()))
    mine, others = zip(*pairs, strict=True)
    return BenchmarkRow(case, unit, peer, mine, others, more_is_better=False)


def seconds(run: Callable[[], object]) -> float:
    """How long a run takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start
