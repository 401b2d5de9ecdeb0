"""MNIST with two augmented views of every training image, a batch at a time."""

from typing import Any, Literal

import torch
from torch import Tensor
from torch.utils.data import Subset

from datamodules.images.batched_views import batched_views
from datamodules.images.view_parameters import ViewDistribution
from datamodules.mnist import MNISTDataModule
from datamodules.mnist_two_view import MNISTTwoView, view_pipeline
from datamodules.serving.keyed_batches import BatchKey, KeyedBatches
from datamodules.serving.keyed_items import ItemBatches
from datamodules.serving.split import split_rows

VIEWS = 2


class MNISTTwoViewDataModule(MNISTDataModule):
    """70 000 handwritten digits, each in training with two random views of itself.

    Training batches are (x0, x1, x2, y): original, two views, digit; images (B, 1, 28, 28) in the model's floating type.
    Validation and test batches are those of `MNISTDataModule`. With `augmentation="batched"` the views are made on the
    device from uint8 images, each image with parameters of its own, by a generator that depends on (seed, epoch, batch)
    alone; with "per_sample" by one that depends on (seed, epoch, image). A run repeats and resumes exactly, on any number
    of processes.

    Args:
        data_dir: folder that holds, or receives, `MNIST/raw/` with torchvision's four files; null = `data` in the current
            folder.
        batch_size: images of one step, over all processes together; null = full batch.
        val_fraction: share of the 60 000 training images for validation, in [0, 1); 0 = no validation.
        test_fraction: null = the official 10 000 test images; a share in [0, 1) = that share of the training images.
        seed: of the split, the order and the views.
        normalize: pixels (x/255 − 0.1307) / 0.3081, after augmentation; else x/255, in [0, 1].
        download: whether to fetch the files (12 MB) if they are not there.
        augmentation: "batched" on the device, or "per_sample" by torchvision in the loader, the reference.
        num_workers: processes of the per-sample loader.
        views: ranges of the random parameters of a view.
    """

    def __init__(
        self,
        data_dir: str | None = None,
        batch_size: int | None = 512,
        val_fraction: float = 1 / 6,
        test_fraction: float | None = None,
        seed: int = 0,
        normalize: bool = False,
        download: bool = True,
        augmentation: Literal["batched", "per_sample"] = "batched",
        num_workers: int = 0,
        views: ViewDistribution = ViewDistribution(),  # noqa: B008 – frozen
    ) -> None:
        super().__init__(data_dir, batch_size, val_fraction, test_fraction, seed, None, normalize, download)
        if isinstance(self.hparams.get("views"), ViewDistribution):
            del self.hparams["views"]  # checkpoints hold plain values only; from the command line it is plain
        if augmentation not in ("batched", "per_sample"):
            raise ValueError(f"augmentation={augmentation!r}: choose 'batched' (on the device) or 'per_sample' (in the loader)")
        if num_workers < 0:
            raise ValueError(f"num_workers={num_workers}: give the number of loader processes, 0 for none")
        self.augmentation, self.num_workers, self.views = augmentation, num_workers, views

    @property
    def evaluation_batch_size(self) -> int | None:
        """That of training: a loss of pairs depends on how many a batch has."""
        return self.batch_size

    def train_dataloader(self) -> Any:
        batches = self._batches("train")
        if self.augmentation == "batched":
            return KeyedBatches(batches.tensors, batches.sampler)
        rows, _, _ = split_rows(self.image_sets[0], self.val_fraction, self.test_fraction, self.seed)
        dataset = Subset(MNISTTwoView(str(self.root), transform=view_pipeline(self.views)), rows.tolist())
        return ItemBatches(dataset, batches.sampler, self.num_workers)

    def measured_dataloader(self, split: str) -> Any:
        """Batches with views, as those of training: what a model of views is measured by."""
        return self.train_dataloader() if split == "train" else self._batches_if_any(split)

    def plain_dataloader(self, split: str) -> Any:
        """Batches (images, labels) of "train", "val" or "test" in the order of its own dataloader, of which no views are made.

        Who judges features of the images as they are reads these: to make both views takes longer than to read the image.
        """
        return self._batches_if_any(split)

    def is_full_batch(self, batch: Any) -> bool:
        """As for other images; never a batch with views, which are others in each epoch."""
        return len(batch) == 2 and super().is_full_batch(batch)

    def convert(self, batch: Any, dtype: torch.dtype | None) -> Any:
        """Views of a training batch; pixels of another."""
        if isinstance(batch[-1], BatchKey):
            images, labels, key = batch
            original = self.as_images(images, dtype or torch.get_default_dtype())
            parameters = self.views.sample(key.rows, self.image_size, key.generator(), VIEWS)
            if key.world_size > 1:
                parameters = parameters.of_images(key.share, VIEWS)
            parts = [original, *batched_views(original, parameters, VIEWS)]
        elif len(batch) == 4:
            *parts, labels = batch
            parts = [part.to(dtype or part.dtype) for part in parts]
        else:
            return super().convert(batch, dtype)
        return (*(self.standardized(part) for part in parts), labels)

    def as_images(self, images: Tensor, dtype: torch.dtype) -> Tensor:
        """uint8 (B, h·w) as pixels in [0, 1] of a floating type (B, 1, h, w)."""
        return images.to(dtype).div_(self.white).view(-1, 1, *self.image_size)

    def standardized(self, pixels: Tensor) -> Tensor:
        """Pixels in [0, 1] as `normalize` asks for."""
        return (pixels - self.mean) / self.std if self.normalize else pixels
