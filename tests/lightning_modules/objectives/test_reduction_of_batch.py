"""Rows of a batch that are known beforehand: no message asks for them, and the first sum shows whether they are so."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from datamodules.serving.batch_sampler import ShardedBatchSampler
from lightning_modules.objectives import (
    GLMObjective,
    ModuleObjective,
    Reduction,
    ReductionOfBatch,
    all_processes,
    rows_of_each,
    this_process,
)
from lightning_modules.objectives.families import Gaussian
from lightning_modules.training.batch_counts import of_batch
from lightning_modules.training.loss_share import LossShare
from tests.lightning_modules.objectives.network_cases import make_case
from tests.lightning_modules.processes import in_processes

ROWS = 11
SHARES = [3, 8]
OWN = (slice(0, 3), slice(3, 11))
CPU = torch.device("cpu")


class Counted(Reduction):
    """Counts the sums."""

    def __init__(self, reduction: Reduction) -> None:
        self._reduction, self.sums = reduction, 0
        self.rank = 0 if reduction is all_processes else reduction.rank

    num_processes, rank = 2, 0

    def __call__(self, local_sum: torch.Tensor) -> torch.Tensor:
        self.sums += 1
        return self._reduction(local_sum)


def rows() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(ROWS, 4, generator=generator).double(), torch.randn(ROWS, generator=generator).double()


def linear(own: slice, reduction: Reduction) -> Any:
    features, targets = rows()
    return GLMObjective(Gaussian(1), features[own], targets[own], 0.1, reduction)


def network(own: slice, reduction: Reduction) -> Any:
    return make_case((3, 4, 2), rows=ROWS).objective(own, reduction=reduction)


def module(own: slice, reduction: Reduction) -> Any:
    features, targets = rows()
    torch.manual_seed(0)
    layer = torch.nn.Linear(4, 1).double()
    squares = lambda layer, batch: (layer(batch[0])[:, 0] - batch[1]).square().sum()  # noqa: E731
    return ModuleObjective(layer, squares, (features[own], targets[own]), own.stop - own.start, reduction)


MAKERS = {"linear": linear, "network": network, "module": module}
SIZES = {"linear": 5, "network": 26, "module": 5}


@pytest.mark.parametrize("kind", MAKERS)
def test_the_value_takes_one_sum(kind: str) -> None:
    theta = torch.linspace(-1, 1, SIZES[kind], dtype=torch.float64)
    expected = MAKERS[kind](slice(0, ROWS), this_process)

    def work(rank: int, reduction: Reduction) -> tuple[torch.Tensor, int, int]:
        counted = Counted(reduction)
        objective = MAKERS[kind](OWN[rank], ReductionOfBatch(counted, SHARES))
        assert counted.sums == 0 and objective.num_rows == ROWS
        return objective.value(theta), counted.sums, objective.num_rows

    for value, sums, num_rows in in_processes(2, work):
        torch.testing.assert_close(value, expected.value(theta), rtol=1e-13, atol=0)
        assert (sums, num_rows) == (1, ROWS)


def test_else_the_processes_have_to_ask() -> None:
    """Negative control."""

    def work(rank: int, reduction: Reduction) -> int:
        counted = Counted(reduction)
        linear(OWN[rank], counted)
        return counted.sums

    assert in_processes(2, work) == [1, 1]


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("kept", [(slice(0, 2), OWN[1]), (OWN[0], slice(3, 10)), (slice(0, 0), OWN[1])])
def test_a_process_with_other_rows_is_noticed_on_all_of_them(kind: str, kept: tuple[slice, slice]) -> None:
    theta = torch.linspace(-1, 1, SIZES[kind], dtype=torch.float64)

    def work(rank: int, reduction: Reduction) -> str:
        objective = MAKERS[kind](kept[rank], ReductionOfBatch(reduction, SHARES))
        try:
            objective.value(theta)
        except ValueError as error:
            return str(error)
        return ""

    for message in in_processes(2, work):
        there = sum(own.stop - own.start for own in kept)
        assert f"has {ROWS} rows over all processes, and there are {there}" in message


def test_so_is_one_whose_rows_seem_a_multiple_of_its_share() -> None:
    """2 rows, where the loader says 1 and 2: the first would count twice the batch, the second once."""

    def work(rank: int, reduction: Reduction) -> str:
        share = LossShare(torch.tensor(1.0), 2)
        try:
            share.loss(ReductionOfBatch(reduction, [1, 2]))
        except ValueError as error:
            return str(error)
        return ""

    assert all("there are 4" in message for message in in_processes(2, work))


def test_of_two_views_there_are_twice_the_rows() -> None:
    def work(rank: int, reduction: Reduction) -> torch.Tensor:
        share = LossShare(torch.tensor(2.0 * SHARES[rank]), 2 * SHARES[rank])
        return share.loss(ReductionOfBatch(reduction, SHARES))

    assert [float(loss) for loss in in_processes(2, work)] == [1.0, 1.0]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64])
def test_any_sum_may_be_the_first(dtype: torch.dtype) -> None:
    shares = [3001, 3000]

    def work(rank: int, reduction: Reduction) -> torch.Tensor:
        known = ReductionOfBatch(reduction, shares)
        assert rows_of_each(shares[rank], known, CPU) == shares
        return known(torch.tensor([[1, 2]], dtype=dtype))

    for total in in_processes(2, work):
        assert torch.equal(total, torch.tensor([[2, 4]], dtype=dtype))


def test_a_sample_of_the_rows_needs_no_message() -> None:
    features, _ = rows()

    def work(rank: int, reduction: Reduction) -> tuple[list[float], int, int]:
        counted = Counted(reduction)
        sample = linear(OWN[rank], ReductionOfBatch(counted, SHARES)).every_kth(3)
        return sample.features[:, 0].tolist(), sample.num_rows, counted.sums

    (first, n, sums), (second, _, _) = in_processes(2, work)
    assert first + second == features[::3, 0].tolist() and (n, sums) == (4, 0)


# -- What a loader knows ---------------------------------------------------------------------------------------------


def test_shares_are_those_that_the_sampler_gives() -> None:
    for rows_, batch_size, processes in ((100, 32, 3), (7, None, 2), (5, 4, 3)):
        samplers = [ShardedBatchSampler(rows_, batch_size, rank=rank, world_size=processes) for rank in range(processes)]
        given = [[len(range(rows_)[b]) if isinstance(b, slice) else len(b) for b in sampler] for sampler in samplers]
        for number, shares in enumerate(zip(*given, strict=True)):
            assert all(sampler.shares_of_batch(number) == list(shares) for sampler in samplers)


@pytest.mark.parametrize(
    ("shares", "is_known"),
    [([3, 8], True), ([0, 1], False), ([3, 4, 4], False), (None, False)],
    ids=["a row for each", "a process without rows", "other processes", "a loader that does not know"],
)
def test_where_it_is_not_known_all_processes_ask(shares: list[int] | None, is_known: bool) -> None:
    loader = object() if shares is None else SimpleNamespace(shares_of_batch=lambda number: shares)
    trainer: Any = SimpleNamespace(train_dataloader=loader)
    reduction = Counted(all_processes)
    found = of_batch(reduction, trainer, 0)
    assert isinstance(found, ReductionOfBatch) is is_known
    assert of_batch(this_process, trainer, 0) is this_process


@pytest.mark.parametrize("shares", [[3], [3, 0], [1, 2, 3]])
def test_shares_that_cannot_be(shares: list[int]) -> None:
    def work(rank: int, reduction: Reduction) -> None:
        with pytest.raises(ValueError, match="give each of the 2 processes a number"):
            ReductionOfBatch(reduction, shares)

    in_processes(2, work)
