"""What a supervised model makes of a batch, one of two views included."""

from typing import NamedTuple

import torch
from torch import Tensor

from lightning_modules.training.measured_module import Batch


class Rows(NamedTuple):
    """Examples, one a row.

    Attributes:
        features: (n, d); where the data have an offset, it is the last column.
        targets: (n,) or (n, K).
        weights: how many times each row counts (n,), in the features' floating type; None = once.
    """

    features: Tensor
    targets: Tensor
    weights: Tensor | None = None


def as_rows(batch: Batch) -> Rows:
    """The examples of a batch: (features, targets), (features, targets, weights), or (original, view 1, view 2, labels).

    Of two views both are training examples with the label, the original is not: 2B rows, without weights.
    """
    if len(batch) == 4:
        _, first, second, labels = batch
        return Rows(torch.cat([first, second]).flatten(1), torch.cat([labels, labels]))
    return Rows(*batch)
