"""Batches: every row once, the same batches on any number of processes, in an order that can be told beforehand."""

import math
from itertools import chain

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from datamodules.serving.batch_sampler import ShardedBatchSampler
from datamodules.serving.tensor_batches import TensorBatches


def batches(
    n: int, batch_size: int | None, *, shuffle: bool = True, seed: int = 0, epoch: int = 0, rank: int = 0, world_size: int = 1
) -> list[list[int]]:
    """The rows of each batch, as a loader of n numbered rows serves them."""
    sampler = ShardedBatchSampler(n, batch_size, shuffle=shuffle, seed=seed, rank=rank, world_size=world_size)
    sampler.set_epoch(epoch)
    rows = torch.arange(n)
    loader = TensorBatches((rows, -rows), sampler)
    served = list(loader)
    assert len(served) == len(loader)
    for row, negative in served:
        assert torch.equal(negative, -row)  # the tensors stay aligned
    return [row.tolist() for row, _ in served]


@settings(max_examples=200)
@given(
    n=st.integers(1, 60),
    batch_size=st.one_of(st.none(), st.integers(1, 70)),
    shuffle=st.booleans(),
    world_size=st.integers(1, 4),
    seed=st.integers(0, 2**32 - 1),
    epoch=st.integers(0, 1000),
)
def test_processes_share_the_batches_of_one_process(
    n: int, batch_size: int | None, shuffle: bool, world_size: int, seed: int, epoch: int
) -> None:
    """Every row exactly once per epoch; batch i of all processes together is batch i of one."""
    single = batches(n, batch_size, shuffle=shuffle, seed=seed, epoch=epoch)
    assert len(single) == math.ceil(n / (batch_size or n))
    assert all(len(batch) == min(batch_size or n, n) for batch in single[:-1])
    assert sorted(chain(*single)) == list(range(n))
    shares = [
        batches(n, batch_size, shuffle=shuffle, seed=seed, epoch=epoch, rank=rank, world_size=world_size)
        for rank in range(world_size)
    ]
    for i, batch in enumerate(single):
        parts = [share[i] for share in shares]
        assert sorted(chain(*parts)) == sorted(batch)
        assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_without_shuffling_rows_keep_their_order() -> None:
    assert batches(7, 3, shuffle=False, epoch=5) == [[0, 1, 2], [3, 4, 5], [6]]


def test_a_share_can_be_empty() -> None:
    assert batches(5, 4, shuffle=False, rank=0, world_size=3) == [[0], []]


def test_order_depends_on_seed_and_epoch_only() -> None:
    orders = {(seed, epoch): batches(40, 8, seed=seed, epoch=epoch) for seed in (0, 1, 2) for epoch in (0, 1, 2)}
    assert len({str(order) for order in orders.values()}) == len(orders)
    torch.manual_seed(123)  # the global generator has no say
    sampler = ShardedBatchSampler(40, 8, shuffle=True, seed=1)
    for epoch in (2, 0, 2, 1):  # nor has the past
        sampler.set_epoch(epoch)
        assert [rows.tolist() for rows in sampler] == orders[1, epoch]


@pytest.mark.parametrize("batch_size", [None, 10, 11])
def test_a_full_batch_is_a_view(batch_size: int | None) -> None:
    features, targets = torch.randn(10, 3), torch.arange(10)
    sampler = ShardedBatchSampler(10, batch_size, shuffle=True)
    ((served, labels),) = TensorBatches((features, targets), sampler)
    assert served.shape == features.shape
    assert (served.data_ptr(), labels.data_ptr()) == (features.data_ptr(), targets.data_ptr())


@pytest.mark.parametrize("rank", range(3))
def test_a_share_of_a_full_batch_is_a_view_too(rank: int) -> None:
    features = torch.randn(10, 3)
    ((share,),) = TensorBatches((features,), ShardedBatchSampler(10, None, shuffle=True, rank=rank, world_size=3))
    first, last = rank * len(features) // 3, (rank + 1) * len(features) // 3
    assert torch.equal(share, features[first:last])
    assert share.data_ptr() == features[first].data_ptr()


class Recorder(LightningModule):
    """Notes the rows of every training batch, by epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.served: dict[int, list[list[int]]] = {}

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        self.served.setdefault(self.current_epoch, []).append(batch[0].tolist())
        return self.weight * 0

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def test_a_trainer_sets_the_epoch() -> None:
    """Lightning replaces neither loader nor sampler, and every epoch has its own order."""
    rows = torch.arange(20)
    model = Recorder()
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=3,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=1,
    )
    trainer.fit(model, TensorBatches((rows, -rows), ShardedBatchSampler(20, 6, shuffle=True, seed=4)))
    assert model.served == {epoch: batches(20, 6, seed=4, epoch=epoch) for epoch in range(3)}
