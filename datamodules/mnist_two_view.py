"""MNIST with two augmented views of every image, one image at a time."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from lightly.transforms.multi_view_transform import MultiViewTransform
from torch import Tensor
from torch.utils.data import Dataset
from torchvision import transforms
from torchvision.datasets import MNIST

from datamodules.images.mnist_download import fetch_files, missing_files
from datamodules.images.view_parameters import ViewDistribution


class MNISTTwoView(Dataset[tuple[Tensor, Tensor, Tensor, int]]):
    """Items (x0, x1, x2, y): the original image, two views drawn independently from the same pipeline, the digit.

    Images are (1, 28, 28) with pixels in [0, 1]. Fit for `torch.utils.data.DataLoader` with any number of workers: the
    randomness is torch's own, which the loader seeds for each worker. For training prefer `MNISTTwoViewDataModule`, which
    draws the same views a batch at a time, many times faster.

    Args:
        data_dir: folder in torchvision's layout, `MNIST/raw/…` below it.
        train: the 60 000 training images, else the 10 000 test images.
        transform: pipeline of one view, from a PIL image to a tensor; default `view_pipeline()`.
        download: whether to download what is missing.

    Raises:
        OSError: the files are not there and could not be fetched, or may not be.
    """

    def __init__(
        self, data_dir: str, train: bool = True, transform: Callable[[Any], Tensor] | None = None, download: bool = False
    ) -> None:
        if missing_files(Path(data_dir)):
            fetch_files(Path(data_dir), download)
        self.images = MNIST(data_dir, train=train)
        pipeline = transform or view_pipeline()
        self.original, self.views = transforms.ToTensor(), MultiViewTransform([pipeline, pipeline])

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor, int]:
        image, label = self.images[index]
        first, second = cast(list[Tensor], self.views(image))
        return self.original(image), first, second, int(label)


def view_pipeline(views: ViewDistribution | None = None, size: int = 28) -> transforms.Compose:
    """torchvision's transforms for one view of a PIL image: crop, affine map, to tensor, erase. No flips: a 2 is no S."""
    views = views or ViewDistribution()
    return transforms.Compose(
        [
            transforms.RandomResizedCrop(size, scale=views.crop_scale, ratio=views.crop_ratio),
            transforms.RandomAffine(
                views.degrees,
                translate=(views.translate, views.translate),
                shear=views.shear,
                interpolation=transforms.InterpolationMode.BILINEAR,
            ),
            transforms.ToTensor(),
            transforms.RandomErasing(views.erase_probability, scale=views.erase_scale, ratio=views.erase_ratio),
        ]
    )
