"""What a supervised model makes of a batch, one of two views included."""

from typing import NamedTuple

import torch
from torch import Tensor

from lightning_modules.objectives import Columns
from lightning_modules.training.coded_rows import columns_of, written_out
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

    Codes are written out; see `stored_rows` for what does without.

    Of two views both are training examples with the label, the original is not: 2B rows, without weights.
    """
    if len(batch) == 4:
        _, first, second, labels = batch
        return Rows(torch.cat([first, second]).flatten(1), torch.cat([labels, labels]))
    return Rows(*written_out(batch))


class StoredRows(NamedTuple):
    """Examples, one a row, as they are stored.

    Attributes:
        features: (n, c), or (n, d) where they are no codes; an offset is the last column.
        targets: (n,) or (n, K).
        weights: (n,); None = once.
        columns: what the features are stored as; None = as they are.
    """

    features: Tensor
    targets: Tensor
    weights: Tensor | None = None
    columns: Columns | None = None

    @property
    def written_out(self) -> Tensor:
        """The features (n, d); behind them the offset, if there is one."""
        return self.features if self.columns is None else self.columns.expanded(self.features)


def stored_rows(batch: Batch) -> StoredRows:
    """As `as_rows`, without writing codes out."""
    columns = columns_of(batch)
    if columns is None:
        return StoredRows(*as_rows(batch))
    features, targets, *weights = batch
    return StoredRows(features, targets, weights[0] if weights else None, columns)
