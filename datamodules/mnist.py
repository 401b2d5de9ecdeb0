"""MNIST."""

from pathlib import Path
from typing import ClassVar

import numpy as np
from torchvision.datasets import MNIST

from datamodules.images.idx import check_idx
from datamodules.images.image_data_module import ImageDataModule
from datamodules.images.image_set import NUM_DIGITS, ImageSet
from datamodules.images.mnist_download import fetch_files, missing_files, raw_folder

DEFAULT_FOLDER = "data"


class MNISTDataModule(ImageDataModule):
    """70 000 handwritten digits of 28 × 28 pixels: 60 000 for training and 10 000 for the test, in files of their own.

    Args:
        data_dir: folder that holds, or receives, `MNIST/raw/` with torchvision's four files; null = `data` in the current
            folder.
        batch_size: images of one step, over all processes together; null = full batch.
        val_fraction: share of the 60 000 training images for validation, in [0, 1); 0 = no validation. The default
            leaves 50 000 for training.
        test_fraction: null = the test is made on the official 10 000 test images; a share in [0, 1) = on that share of
            the training images, and the official test images are not used.
        seed: of the split and of the order of mini-batches.
        digits: classes to keep; null = all. They become the classes 0 … C−1 in increasing order.
        normalize: pixels (x/255 − 0.1307) / 0.3081; else x/255, in [0, 1].
        download: whether to fetch the files (12 MB) if they are not there.
    """

    image_size: ClassVar[tuple[int, int]] = (28, 28)
    white, mean, std = 255, 0.1307, 0.3081

    def __init__(
        self,
        data_dir: str | None = None,
        batch_size: int | None = None,
        val_fraction: float = 1 / 6,
        test_fraction: float | None = None,
        seed: int = 0,
        digits: list[int] | None = None,
        normalize: bool = False,
        download: bool = True,
    ) -> None:
        super().__init__(data_dir, batch_size, val_fraction, test_fraction, seed, digits, normalize)
        self.root, self.download = Path(data_dir or DEFAULT_FOLDER), download

    def load(self) -> tuple[ImageSet, ImageSet | None]:
        if missing_files(self.root):
            fetch_files(self.root, self.download)
        return self._read(train=True), self._read(train=False) if self.test_fraction is None else None

    def _read(self, train: bool) -> ImageSet:
        prefix = raw_folder(self.root) / ("train" if train else "t10k")
        images, labels = Path(f"{prefix}-images-idx3-ubyte"), Path(f"{prefix}-labels-idx1-ubyte")
        size = check_idx(images, 3)[1:]
        check_idx(labels, 1)
        if size != self.image_size:
            raise ValueError(
                f"{images} holds images of {size[0]} × {size[1]} pixels, not 28 × 28: it is not MNIST's; name another folder"
            )
        data = MNIST(str(self.root), train)
        names = tuple(map(str, range(NUM_DIGITS)))
        return ImageSet(data.data.numpy(), data.targets.numpy().astype(np.int64), names, f"{prefix}-*")
