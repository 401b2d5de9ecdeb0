"""Several processes played by one, which takes turns: each runs from one sum to the next, and then all sums are known."""

from collections.abc import Callable
from typing import TypeVar

from torch import Tensor

from lightning_modules.objectives import Reduction

Result = TypeVar("Result")


class _Waits(Exception):
    """A process has its part of the next sum and waits for those of the others."""

    def __init__(self, local_sum: Tensor) -> None:
        super().__init__()
        self.local_sum = local_sum.clone()


def in_processes(count: int, work: Callable[[int, Reduction], Result]) -> list[Result]:
    """What `work(rank, reduction)` returns on each of so many processes.

    It is run anew for every sum, so it has to start from scratch each time and draw no random numbers.
    """
    totals: list[Tensor] = []
    while True:
        results, parts = [], []
        for rank in range(count):
            try:
                results.append(work(rank, _Answers(totals, rank, count)))
            except _Waits as waiting:
                parts.append(waiting.local_sum)
        if not parts:
            return results
        assert len(parts) == count, "one process is done while another still waits for it"
        assert len({part.shape for part in parts}) == 1, "the processes sum different things"
        totals.append(sum(parts[1:], parts[0]))


class _Answers(Reduction):
    """Gives the sums that are there already, and waits for the next."""

    num_processes, rank = 0, 0

    def __init__(self, totals: list[Tensor], rank: int, num_processes: int) -> None:
        self._totals, self.rank, self.num_processes = iter(totals), rank, num_processes

    def __call__(self, local_sum: Tensor) -> Tensor:
        total = next(self._totals, None)
        if total is None:
            raise _Waits(local_sum)
        return total.clone()
