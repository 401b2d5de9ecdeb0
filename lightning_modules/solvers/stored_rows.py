"""M (m, p) as it is."""

import torch
from torch import Tensor

from lightning_modules.solvers.factor_rows import FactorRows

# Of the rows that are multiplied by weights there is a copy of so many numbers at a time.
COPIED_NUMBERS = 2**24


class StoredRows(FactorRows):
    """M in memory: with fewer rows than parameters it takes less than their p × p matrix.

    Args:
        rows: M (m, p).
    """

    def __init__(self, rows: Tensor) -> None:
        self.rows = rows.double()

    @property
    def num_rows(self) -> int:
        return len(self.rows)

    def times(self, v: Tensor) -> Tensor:
        return self.rows @ v

    def transposed(self, u: Tensor) -> Tensor:
        return u @ self.rows

    def gram(self, weights: Tensor) -> Tensor:
        gram = self.rows.new_zeros(len(self.rows), len(self.rows))
        width = max(1, COPIED_NUMBERS // max(1, len(self.rows)))
        for rows, w in zip(self.rows.split(width, 1), weights.split(width), strict=True):
            gram.addmm_(rows * w, rows.T)
        return gram

    def columns(self, places: Tensor) -> Tensor:
        return self.rows[:, places]

    def squares(self) -> Tensor:
        return torch.einsum("mp,mp->p", self.rows, self.rows)
