"""How many images of a batch of two views a process has, and which batches a contrast cannot be made of."""

import torch

from lightning_modules.objectives import Reduction, rows_of_each
from lightning_modules.training.measured_module import Batch


def images_of(batch: Batch, reduction: Reduction, device: torch.device) -> int:
    """Images of a batch on this process.

    Raises:
        ValueError: no two views, fewer than two images, or processes with different numbers of them.
    """
    if len(batch) != 4:
        raise ValueError(
            "SimCLR trains on two views of each image and got one: use a data module that makes them, MNISTTwoViewDataModule"
        )
    images = len(batch[0])
    counts = rows_of_each(images, reduction, device)
    total = sum(counts)
    if total < 2:
        raise ValueError(
            f"a batch of {total} leaves SimCLR no other image to contrast with: use a batch size of 2 or more that "
            "does not leave 1 image over"
        )
    if len(set(counts)) > 1:
        raise ValueError(
            f"{total} images do not spread evenly over {len(counts)} processes, and the gathered views must: "
            "choose a batch size, and a number of training images, that divide by the number of processes"
        )
    return images
