"""What a supervised model makes of two views."""

import torch
from torch import Tensor

from lightning_modules.training.objective_module import Batch


def as_rows(batch: Batch) -> tuple[Tensor, Tensor]:
    """(features (n, d), targets) of a batch.

    Of a two-view batch (x0, x1, x2, y) both views are training examples with the label, the original is not: 2B rows.
    """
    if len(batch) == 2:
        features, targets = batch
        return features, targets
    _, first, second, labels = batch
    return torch.cat([first, second]).flatten(1), torch.cat([labels, labels])
