"""The one way in which things are compared: in turn, another one first each time, until their ratios are known well enough."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evidence.benchmarks.clocks import Reading
from evidence.benchmarks.ratio_interval import is_narrow
from evidence.benchmarks.row import BenchmarkRow, paired_ratios

# One measurement.
Side = Callable[[], Reading]


@dataclass(frozen=True)
class Budget:
    """How often a comparison is repeated at most.

    Attributes:
        least: so many rounds in any case; of fewer than five there is no interval.
        most: so many rounds at most.
        seconds: after which no other round begins.
    """

    least: int = 5
    most: int = 40
    seconds: float = 60.0


def in_turn(sides: Mapping[str, Side], pairs: Collection[tuple[str, str]], budget: Budget) -> dict[str, list[Reading]]:
    """Measure each in every round, until the ratios of these pairs are known well enough or the budget is spent.

    What happens once, such as starting threads, is to be over before.

    Returns:
        Of each side as many readings as there were rounds, in their order.
    """
    names, begin = list(sides), time.perf_counter()
    found: dict[str, list[Reading]] = {name: [] for name in names}
    for done in range(1, budget.most + 1):
        # Threads of the one before may still wait, at the processor's cost, for more to do: each comes first as often.
        first = (done - 1) % len(names)
        for name in names[first:] + names[:first]:
            found[name].append(sides[name]())
        narrow = all(is_narrow(paired_ratios(values(found[one]), values(found[other]))) for one, other in pairs)
        if done >= budget.least and (narrow or time.perf_counter() - begin >= budget.seconds):
            break
    return found


def values(readings: Sequence[Reading]) -> tuple[float, ...]:
    """Of each, without the processor's."""
    return tuple(reading.value for reading in readings)


def cpu_values(readings: Sequence[Reading]) -> tuple[float, ...] | None:
    """Of each by the processor's clock; None if one has none."""
    found = tuple(reading.cpu for reading in readings if reading.cpu is not None)
    return found if len(found) == len(readings) else None


def row_of(case: str, unit: str, peer: str, ours: Sequence[Reading], theirs: Sequence[Reading], **others: Any) -> BenchmarkRow:
    """A row of readings that were taken pair by pair; `others` are further attributes of it."""
    others |= {"our_cpu": cpu_values(ours), "their_cpu": cpu_values(theirs)}
    return BenchmarkRow(case, unit, peer, values(ours), values(theirs), **others)


def compared(case: str, unit: str, peer: str, sides: Sequence[Side], budget: Budget, **others: Any) -> BenchmarkRow:
    """Two sides in turn, ours and theirs, and their row; `others` are further attributes of it."""
    ours, theirs = sides
    found = in_turn({"ours": ours, "theirs": theirs}, [("ours", "theirs")], budget)
    return row_of(case, unit, peer, found["ours"], found["theirs"], **others)
