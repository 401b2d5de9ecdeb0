"""What a run takes by the clock on the wall, and by the processor's, which other programs' work does not move."""

import os
import time
from collections.abc import Callable
from typing import NamedTuple


class Reading(NamedTuple):
    """One measurement.

    Attributes:
        value: in the unit of its row; no less than 0.
        cpu: the same by the processor's clock, of all threads together; None of what is no time, such as memory.
    """

    value: float
    cpu: float | None = None

    def times(self, factor: float) -> "Reading":
        """In another unit, of which so many make one of this."""
        return Reading(self.value * factor, None if self.cpu is None else self.cpu * factor)


def now() -> Reading:
    """Seconds by both clocks; the processor's counts this process, and its children that have ended."""
    times = os.times()
    return Reading(time.perf_counter(), time.process_time() + times.children_user + times.children_system)


def since(begin: Reading) -> Reading:
    """Seconds that have passed by both clocks."""
    return between(begin, now())


def between(begin: Reading, end: Reading) -> Reading:
    """Seconds from one look at the clocks to a later one. Neither clock goes back, so that none is below 0."""
    return Reading(end.value - begin.value, (end.cpu or 0.0) - (begin.cpu or 0.0))


def seconds(run: Callable[[], object]) -> Reading:
    """How long a run takes."""
    begin = now()
    run()
    return since(begin)
