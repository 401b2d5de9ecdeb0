"""A column of codes: which of its levels each row has, and what these are as features."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class LevelCode:
    """The features of a column of codes.

    Attributes:
        place: of the column among the stored ones.
        features: places of its w features among all d.
        shift: c (w,).
        factor: a (w,), positive.
    """

    place: int
    features: slice
    shift: Tensor
    factor: Tensor

    @property
    def levels(self) -> int:
        """w + 1."""
        return len(self.factor) + 1

    def of(self, x: Tensor) -> Tensor:
        """l of each row (m,)."""
        return x[:, self.place].long()

    def on(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """a and c (w,) in the type of `like`, and on its device."""
        return self.factor.to(like), self.shift.to(like)

    def summed(self, values: Tensor, codes: Tensor) -> Tensor:
        """Σ of the values (m,) or (m, K) of the rows of each level: (w + 1,) or (w + 1, K)."""
        total = values.new_zeros(self.levels, *values.shape[1:])
        return total.scatter_add_(0, codes, values) if values.ndim == 1 else total.index_add_(0, codes, values)

    def gathered(self, table: Tensor, codes: Tensor) -> Tensor:
        """Rows of a table (w, K) by code, 0 for the reference: (m, K)."""
        table = torch.cat([table.new_zeros(1, table.shape[1]), table])
        if table.shape[1] == 1:
            return table[:, 0].index_select(0, codes)[:, None]
        return table.index_select(0, codes)
