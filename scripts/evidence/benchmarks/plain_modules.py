"""What a user of Lightning would write by hand: the same arithmetic in a plain module, and its data in ordinary loaders."""

from collections.abc import Callable
from typing import Any

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset

LR = 0.1
Loss = Callable[[Tensor, Tensor], Tensor]


class PlainModule(LightningModule):
    """A network that is trained by gradient descent, by automatic optimization."""

    def __init__(self, network: nn.Module, loss: Loss) -> None:
        super().__init__()
        self.network, self.loss = network, loss

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        x, y = batch
        return self.loss(self.network(x), y)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=LR)


class EmptyStep(LightningModule):
    """Nothing is done with a batch: what is left is Lightning's own loop, and the loader's."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch: Any, batch_idx: int) -> None:
        pass

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        pass

    def configure_optimizers(self) -> None:
        pass


def row_loader(x: Tensor, y: Tensor, batch_size: int) -> "DataLoader[Any]":
    """As most would write it: rows (n, …), (n,) one by one, shuffled, and stacked to batches."""
    return DataLoader(TensorDataset(x, y), batch_size=batch_size, shuffle=batch_size < len(x))


def batch_loader(x: Tensor, y: Tensor, batch_size: int) -> "DataLoader[Any]":
    """As who knows of it would write it: all rows of a shuffled batch by one index, or all there are as they are."""
    if batch_size >= len(x):
        return DataLoader([(x, y)], batch_size=None)  # type: ignore[arg-type]
    dataset = TensorDataset(x, y)
    return DataLoader(dataset, sampler=BatchSampler(RandomSampler(dataset), batch_size, drop_last=False), batch_size=None)


PlainLoader = Callable[[Tensor, Tensor, int], "DataLoader[Any]"]
LOADERS: dict[str, PlainLoader] = {
    "a plain LightningModule": row_loader,
    "a plain LightningModule, batches by index": batch_loader,
}
