"""Batches of a mapped file are those of memory, and few pages of the file are held."""

import sys
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from datamodules.mapped import given_back, mapped_batches
from datamodules.mapped.given_back import GivenBack
from datamodules.mapped.mapped_batches import MappedBatches
from datamodules.serving.batch_sampler import ShardedBatchSampler
from datamodules.serving.tensor_batches import TensorBatches
from tests.datamodules.mapped.mapped_tables import columns, mapped, written
from tests.mapped_memory import STATUS, held_bytes
from tests.training import make_model, make_trainer

ROWS, HELD = 2**21, 2**22
linux_only = pytest.mark.skipif(not STATUS.exists(), reason=f"{sys.platform} does not tell which pages are held")


@pytest.fixture
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(given_back, "HELD_BYTES", HELD)
    monkeypatch.setattr(mapped_batches, "READ_BYTES", 2**20)
    monkeypatch.setattr(mapped_batches, "BLOCK_BYTES", 2**21)


def file_of(folder: Path) -> Any:
    path = folder / "rows.npy"
    np.save(path, np.arange(4.0 * ROWS).reshape(ROWS, 4))
    return np.load(path, mmap_mode="r")


def tensor_of(array: Any) -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.from_numpy(array)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("batch_size", [1, 7, 300, 4096, None])
@pytest.mark.parametrize("world_size", [1, 3])
def test_they_are_the_batches_of_memory(
    batch_size: int | None, world_size: int, shuffle: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapped_batches, "READ_BYTES", 2**12)
    monkeypatch.setattr(mapped_batches, "BLOCK_BYTES", 2**8)
    x, y = torch.randn(409, 2, dtype=torch.float64), torch.arange(409)
    for rank in range(world_size):

        def sampler(rank: int = rank) -> ShardedBatchSampler:
            return ShardedBatchSampler(409, batch_size, shuffle=shuffle, seed=3, rank=rank, world_size=world_size)

        ours, theirs = MappedBatches((x, y), sampler(), GivenBack()), TensorBatches((x, y), sampler())
        for skipped in (0, 2):
            for loader in (ours, theirs):
                loader.load_state_dict({"epoch": 0, "batches": skipped})
            count = 0
            for mine, other in zip(ours, theirs, strict=True):
                assert all(torch.equal(one, another) for one, another in zip(mine, other, strict=True))
                count += 1
                assert ours.state_dict() == theirs.state_dict()
            assert count == len(ours) - (skipped if skipped < len(ours) else 0)


@linux_only
@pytest.mark.parametrize("shuffle", [True, False])
def test_few_pages_are_held(shuffle: bool, tmp_path: Path, little: None) -> None:
    array = file_of(tmp_path)
    rows, before = tensor_of(array), held_bytes()
    sampler = ShardedBatchSampler(ROWS, 20_000, shuffle=shuffle)
    most = max(held_bytes() for _ in MappedBatches((rows,), sampler, GivenBack(array))) - before
    assert most <= 4 * HELD
    for _ in TensorBatches((rows,), sampler):
        pass
    assert held_bytes() - before > 0.9 * rows.nbytes > 10 * HELD, "control"


@linux_only
def test_what_was_written_is_given_back_and_stays_written(tmp_path: Path, little: None) -> None:
    path = tmp_path / "written.npy"
    array: Any = np.lib.format.open_memmap(path, "w+", np.float64, (ROWS, 4))
    pages, most, before = GivenBack(array[:, 1:]), 0, held_bytes()
    for start in range(0, ROWS, 10_000):
        array[start : start + 10_000] = start
        pages.touched(array[start : start + 10_000].nbytes)
        most = max(most, held_bytes() - before)
    assert 0 < most <= 4 * HELD
    assert np.array_equal(np.load(path)[::10_000, 0], np.arange(0, ROWS, 10_000))


def test_of_memory_nothing_is_given_back() -> None:
    x = np.ones(10**6)
    pages = GivenBack(x)
    pages.touched(2**30)
    pages.give_back()
    assert x.sum() == 10**6


def test_the_verdict_on_mini_batches_looks_at_the_file_itself(tmp_path: Path) -> None:
    """Not at all rows joined, which would be a copy of the table."""
    data = mapped(written(tmp_path, "parquet", columns("text")), batch_size=100)
    model = make_model(data, partial(torch.optim.Adam, lr=0.1))
    make_trainer(1, limit_val_batches=None).fit(model, data)
    objective: Any = model.training_objective()
    assert objective.features.data_ptr() == data.table.features.ctypes.data
    assert objective.num_rows == len(data.splits["train"][1])


def test_metrics_of_all_training_rows_take_few_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full batch of training too, which is one batch for the method only."""
    monkeypatch.setattr("datamodules.mapped.mapped_table.EVALUATION_ROWS", 100)
    data = mapped(written(tmp_path, "parquet", columns("text")))
    sizes = [len(y) for _, y in data.measured_dataloader("train")]
    assert max(sizes) == 100 and sum(sizes) == len(data.splits["train"][1])
    assert len(list(data.train_dataloader())) == 1
    data = mapped(written(tmp_path, "parquet", columns("text")), val_fraction=0)
    assert data.measured_dataloader("val") == []
