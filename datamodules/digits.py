"""Small handwritten digits, bundled."""

import numpy as np
from sklearn.datasets import load_digits

from datamodules.images.image_data_module import ImageDataModule
from datamodules.images.image_set import NUM_DIGITS, ImageSet


class DigitsDataModule(ImageDataModule):
    """1 797 handwritten digits of 8 × 8 pixels with values 0 to 16. Bundled with scikit-learn: no file, no network.

    Takes the options and feeds the models of `MNISTDataModule`.
    """

    image_size, white, mean, std = (8, 8), 16, 0.3053, 0.3760

    def load(self) -> tuple[ImageSet, None]:
        data = load_digits()
        names = tuple(map(str, range(NUM_DIGITS)))
        return ImageSet(data.images.astype(np.uint8), data.target.astype(np.int64), names, "scikit-learn's digits"), None
