"""A few small images with two fixed views each, in batches like those of the two-view data module."""

import torch
from pytorch_lightning import LightningDataModule
from sklearn.datasets import load_digits
from torch import Tensor

from datamodules.serving.batch_sampler import ShardedBatchSampler
from datamodules.serving.tensor_batches import TensorBatches


class TinyTwoViews(LightningDataModule):
    """Digits of 8 × 8 pixels; a view is the image moved by up to a pixel, with noise.

    The views are drawn once, so that they do not depend on the number of processes.

    Args:
        batch_size: images of a step, over all processes.
        train: number of training images; 41 more are for validation and 53 for the test.
    """

    image_size, num_classes, class_names = (8, 8), 10, tuple("0123456789")

    def __init__(self, batch_size: int = 24, train: int = 96) -> None:
        super().__init__()
        self.batch_size = batch_size
        generator = torch.Generator().manual_seed(0)
        features, labels = map(torch.from_numpy, load_digits(return_X_y=True))
        order = torch.randperm(len(labels), generator=generator)
        self.rows = dict(zip(("train", "val", "test"), order[: train + 94].split([train, 41, 53]), strict=True))
        self.features, self.labels = features / 16, labels
        images = self.features[self.rows["train"]].view(-1, 1, 8, 8)
        self.views = [self._view(images, generator) for _ in range(2)]

    def _view(self, images: Tensor, generator: torch.Generator) -> Tensor:
        moves = torch.randint(-1, 2, (len(images), 2), generator=generator).tolist()
        moved = torch.stack([image.roll(move, (1, 2)) for image, move in zip(images, moves, strict=True)])
        return moved + 0.1 * torch.randn(moved.shape, generator=generator, dtype=moved.dtype)

    def _batches(self, split: str, tensors: tuple[Tensor, ...], shuffle: bool = False) -> TensorBatches:
        rank, world_size = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        sampler = ShardedBatchSampler(len(tensors[0]), self.batch_size, shuffle=shuffle, rank=rank, world_size=world_size)
        return TensorBatches(tensors, sampler)

    def train_dataloader(self) -> TensorBatches:
        rows = self.rows["train"]
        images = self.features[rows].view(-1, 1, 8, 8)
        return self._batches("train", (images, *self.views, self.labels[rows]), shuffle=True)

    def val_dataloader(self) -> TensorBatches:
        return self._batches("val", (self.features[self.rows["val"]], self.labels[self.rows["val"]]))

    def test_dataloader(self) -> TensorBatches:
        return self._batches("test", (self.features[self.rows["test"]], self.labels[self.rows["test"]]))

    def on_after_batch_transfer(self, batch: tuple[Tensor, ...], dataloader_idx: int) -> tuple[Tensor, ...]:
        return (*(part.to(self.trainer.lightning_module.dtype) for part in batch[:-1]), batch[-1])
