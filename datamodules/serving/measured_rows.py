"""How many rows a batch of validation or test has, from which nothing is learnt.

What is measured is the same in batches of any size. So where batches of training are small, these are not, which saves time: an
epoch of MNIST in batches of 64, with curves of all three parts, took three times as long. And where all rows have no room on
the device, they come in pieces. But whoever limits a trainer to some of these batches counts batches of the size of training.
"""

from typing import Any

from torch import Tensor

# The most rows of one batch where all of them have no room on the device.
EVALUATION_ROWS = 2**14
# Where batches of training are smaller, these have so many rows, or as many as have so many numbers.
MEASURED_ROWS, MEASURED_NUMBERS = 2**10, 2**21


def measured_rows(batch_size: int | None, features: Tensor) -> int | None:
    """Rows of one batch, over all processes together; None = all of them.

    Args:
        batch_size: rows of one step of training; None = all of them.
        features: (n, …).
    """
    if batch_size is None:
        return None
    return max(batch_size, min(MEASURED_ROWS, MEASURED_NUMBERS // max(features[:1].numel(), 1)))


def are_limited(trainer: Any) -> bool:
    """Whether a trainer takes some batches only of validation, test or prediction, a number or a share; none is no limit."""
    limits = [getattr(trainer, f"limit_{part}_batches", 1.0) for part in ("val", "test", "predict")]
    return any(limit != 0 and (limit != 1 or isinstance(limit, int)) for limit in limits)
