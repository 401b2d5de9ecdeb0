"""What every data module for images shares: selection, split, conversion on the device."""

from abc import abstractmethod
from functools import cached_property
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from datamodules.columns import Encoder
from datamodules.images.image_set import ImageSet, check_digits
from datamodules.serving.preprocessing import Preprocessing
from datamodules.serving.split import split_rows
from datamodules.serving.split_data_module import Split, SplitDataModule


class ImageDataModule(SplitDataModule):
    """Grey images of digits that fit in memory: uint8 (n, h·w), one row an image, and labels (n,).

    They stay uint8 in memory and on the way to the device (an eighth of float64); there a batch becomes pixels in the
    model's floating type.

    Attributes:
        image_size: (h, w).
        white: the value that becomes 1.
        mean: of the pixels in [0, 1] of the data set's training images.
        std: their standard deviation.

    Args:
        data_dir: folder that holds, or receives, the files of the data set. Data bundled with a library need none.
        batch_size: images of one step, over all processes together; null = full batch.
        val_fraction: share of the images for validation, in [0, 1); 0 = no validation.
        test_fraction: share of the images for the test, in [0, 1); 0 = no test; null = the data set's own test
            images.
        seed: of the split and of the order of mini-batches.
        digits: classes to keep; null = all. They become the classes 0 … C−1 in increasing order.
        normalize: whether pixels have mean 0 and variance 1 over the data set; else they are in [0, 1].
    """

    image_size: ClassVar[tuple[int, int]]
    white: ClassVar[int]
    mean: ClassVar[float]
    std: ClassVar[float]

    def __init__(
        self,
        data_dir: str | None = None,
        batch_size: int | None = None,
        val_fraction: float = 0.2,
        test_fraction: float | None = 0.2,
        seed: int = 0,
        digits: list[int] | None = None,
        normalize: bool = False,
    ) -> None:
        super().__init__(data_dir, batch_size, val_fraction, test_fraction, seed)
        self.digits, self.normalize = check_digits(digits), normalize

    @abstractmethod
    def load(self) -> tuple[ImageSet, ImageSet | None]:
        """All images to split, and the data set's own test images; None if `test_fraction` says which they are."""

    @cached_property
    def image_sets(self) -> tuple[ImageSet, ...]:
        """What `load` returns, checked and reduced to the chosen digits: one set, or one to split and one for the test.

        Raises:
            ValueError: images and labels that do not belong together, or a digit without an image.
            OSError: the files cannot be had.
        """
        sets = tuple(images for images in self.load() if images is not None)
        for images in sets:
            images.check()
        return tuple(images.select(self.digits) for images in sets)

    @property
    def num_rows(self) -> int:
        return sum(len(images.targets) for images in self.image_sets)

    @property
    def num_features(self) -> int:
        return self.image_size[0] * self.image_size[1]

    @property
    def num_targets(self) -> int:
        return 1

    def prepare_data(self) -> None:
        self.image_sets  # noqa: B018 – read once, and kept

    @property
    def feature_names(self) -> tuple[str, ...]:
        height, width = self.image_size
        return tuple(f"pixel {row},{column}" for row in range(height) for column in range(width))

    @property
    def class_names(self) -> tuple[str, ...]:
        """The digits."""
        return tuple(map(str, self.digits))

    @cached_property
    def preprocessing(self) -> Preprocessing:
        """Pixels of new images are columns with the values of the file."""
        mean, std = (self.mean, self.std) if self.normalize else (0.0, 1.0)
        shift, scale = (np.full(self.num_features, self.white * value) for value in (mean, std))
        return Preprocessing(Encoder.of_numbers(self.feature_names), shift, scale, self.class_names)

    def split(self) -> dict[str, Split]:
        """(images uint8 (n, h·w), labels int64 (n,)) of "train", "val" and "test" (both possibly empty), stratified.

        Raises:
            ValueError: too few images of a digit.
        """
        images, *official = self.image_sets
        train, val, test = split_rows(images, self.val_fraction, self.test_fraction, self.seed)
        tested = _tensors(official[0], slice(None)) if official else _tensors(images, test)
        return {"train": _tensors(images, train), "val": _tensors(images, val), "test": tested}

    def convert(self, batch: Split, dtype: torch.dtype | None) -> Split:
        """Images (n, h·w) uint8 as pixels in the model's floating type."""
        images, *others = batch
        return self.to_pixels(images, dtype or torch.get_default_dtype()), *others

    def to_pixels(self, images: Tensor, dtype: torch.dtype) -> Tensor:
        """uint8 images of any shape as pixels of a floating type: x / white, or (x / white − mean) / std."""
        pixels = images.to(dtype).div_(self.white)
        return pixels.sub_(self.mean).div_(self.std) if self.normalize else pixels


def _tensors(images: ImageSet, rows: NDArray[np.int64] | slice) -> Split:
    return torch.from_numpy(images.images[rows]).flatten(1), torch.from_numpy(images.targets[rows])
