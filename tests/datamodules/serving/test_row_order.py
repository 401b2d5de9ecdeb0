"""The order of many rows is a permutation that needs no memory: every row comes once, and nothing tells it from a random."""

import tracemalloc
from itertools import chain, pairwise

import numpy as np
import pytest
import torch
from scipy import stats

from datamodules.serving import row_order
from datamodules.serving.batch_sampler import ShardedBatchSampler
from datamodules.serving.mixed_seed import mixed_seed
from datamodules.serving.row_order import MOST_IN_MEMORY, KeyedPermutation, RowOrder
from datamodules.serving.tensor_batches import TensorBatches

KEYS = range(3)


def permuted(n: int, key: int) -> np.ndarray:
    return KeyedPermutation(n, key)(np.arange(n, dtype=np.uint64))


@pytest.mark.parametrize("n", [*range(1, 40), 1000, 1023, 1024, 1025, 99_856, 99_857, MOST_IN_MEMORY + 1])
def test_every_number_comes_once(n: int) -> None:
    for key in KEYS:
        assert np.array_equal(np.sort(permuted(n, key)), np.arange(n))


def test_few_rows_keep_the_order_that_they_had() -> None:
    """Results that are on record were made with it; one row more, and no permutation is kept."""
    for n in (1, 7, 1000, MOST_IN_MEMORY):
        expected = torch.randperm(n, generator=torch.Generator().manual_seed(mixed_seed(4, 2)))
        assert torch.equal(RowOrder(n, 4, 2).rows(0, n), expected)
    many = MOST_IN_MEMORY + 1
    kept = torch.randperm(many, generator=torch.Generator().manual_seed(mixed_seed(4, 2)))
    assert not torch.equal(RowOrder(many, 4, 2).rows(0, 10), kept[:10])


def test_it_takes_no_memory_however_many_rows_there_are() -> None:
    tracemalloc.start()
    order = RowOrder(10**12, seed=0, epoch=0)
    rows = torch.cat([order.rows(first, first + 1000) for first in (0, 5 * 10**11, 10**12 - 1000)])
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(set(rows.tolist())) == 3000 and int(rows.min()) >= 0 and int(rows.max()) < 10**12
    assert most < 2**20


def uniform_p(places: np.ndarray, n: int, bins: int = 100) -> float:
    """By chi squared, of numbers below n."""
    counts = np.bincount((places.astype(np.float64) * bins / n).astype(np.int64), minlength=bins)
    return float(stats.chisquare(counts).pvalue)


N = 3_000_017


def looks_random(places: np.ndarray, n: int) -> list[float]:
    """p-values: of where a run of neighbours goes, of the steps between them, and of their order among themselves."""
    steps = (places[1:].astype(np.int64) - places[:-1].astype(np.int64)) % n
    rises = int((places[1:] > places[:-1]).sum())
    # Of m numbers in random order (m − 1)/2 are followed by a larger one, with a variance of (m + 1)/12.
    z = (rises - (len(places) - 1) / 2) / ((len(places) + 1) / 12) ** 0.5
    rank = stats.spearmanr(np.arange(len(places)), places).pvalue
    return [uniform_p(places, n), uniform_p(steps, n), float(2 * stats.norm.sf(abs(z))), float(rank)]


def test_neighbours_go_anywhere_and_independently() -> None:
    """200 tests at a level of 1e-6: the chance that a random permutation fails is 2e-4, and the seeds are fixed."""
    found = []
    for key in range(50):
        first = key * 59_999
        found += looks_random(KeyedPermutation(N, key)(np.arange(first, first + 20_000, dtype=np.uint64)), N)
    assert min(found) > 1e-6
    assert stats.kstest(found, "uniform").pvalue > 1e-4, "nor are they all too good"


def test_where_one_row_goes_is_uniform_over_epochs() -> None:
    for row in (0, 1, N - 1):
        places = np.array([KeyedPermutation(N, mixed_seed(0, epoch))(np.array([row], np.uint64))[0] for epoch in range(3000)])
        assert uniform_p(places, N, 30) > 1e-6


def test_epochs_and_seeds_have_orders_of_their_own() -> None:
    orders = [RowOrder(N, seed, epoch).rows(0, 20_000).numpy() for seed in (0, 1) for epoch in (0, 1)]
    for one, other in pairwise([*orders, orders[0]]):
        assert (one == other).sum() <= 5
        assert abs(stats.spearmanr(one, other).statistic) < 5 / 20_000**0.5
    assert np.array_equal(orders[0], RowOrder(N, 0, 0).rows(0, 20_000).numpy())


def test_control_a_permutation_with_too_few_rounds_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_order, "ROUNDS", 1)
    assert min(looks_random(permuted(N, 0)[:20_000], N)) < 1e-12


@pytest.mark.parametrize("n", [60, 61])
def test_batches_of_many_rows_are_shared_resumed_and_complete(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As those of few rows are, on any number of processes and from the midst of an epoch."""
    monkeypatch.setattr(row_order, "MOST_IN_MEMORY", 10)

    def loader(rank: int = 0, world_size: int = 1) -> TensorBatches:
        sampler = ShardedBatchSampler(n, 8, shuffle=True, seed=1, rank=rank, world_size=world_size)
        sampler.set_epoch(3)
        return TensorBatches((torch.arange(n),), sampler)

    whole = [rows.tolist() for (rows,) in loader()]
    assert sorted(chain(*whole)) == list(range(n)) and list(chain(*whole)) != list(range(n))
    shares = [[rows.tolist() for (rows,) in loader(rank, 3)] for rank in range(3)]
    assert [list(chain(*parts)) for parts in zip(*shares, strict=True)] == whole
    for done in range(len(whole)):
        resumed = loader()
        resumed.load_state_dict({"epoch": 3, "batches": done})
        assert [rows.tolist() for (rows,) in resumed] == whole[done:]
