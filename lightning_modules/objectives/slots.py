r"""Features of which a row has few that are not 0: stored are their places and their values, in as many slots as most rows
need. Rows that need more have none of them filled, and are written out in a table beside.

    φ_j = a_j v    where a slot has place j and value v, else 0          a_j = 1 / s_j, the deviation

They are not centred, since that would fill them; with an intercept all other coefficients are the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Slots:
    """As above.

    Attributes:
        first: the stored column of the first place; after m of them, the values follow. Place j + 1 is feature j, 0 is none.
        count: m.
        deviation: s (d,), of all features.
        long_rows: unscaled features of the rows that need more (l, d), 0 for those that are not sparse. If there are any, the
            number of each row among them, from 1, or 0, is stored behind the values.
    """

    first: int
    count: int
    deviation: Tensor
    long_rows: Tensor

    @cached_property
    def factor(self) -> Tensor:
        """a (d,)."""
        return 1 / self.deviation

    def of(self, x: Tensor, magnitudes: bool = False) -> tuple[Tensor, Tensor]:
        """Features and what they are, of each slot: rows (n, c) -> (n, m) and (n, m). An empty slot is feature 0, and 0."""
        places, values = self._stored(x)
        values = values * self.factor.to(values)[(places - 1).clamp(min=0)]
        return (places - 1).clamp(min=0), values.abs() if magnitudes else values

    def write_out(self, features: Tensor, x: Tensor) -> None:
        """Puts the rows (n, c) into features (n, d) that are 0."""
        places, values = self._stored(x)
        scaled = (values.double() / self.deviation.to(features.device)[(places - 1).clamp(min=0)]).to(features)
        # Empty slots have a column of their own, which is left out.
        wide = torch.cat([features.new_zeros(len(features), 1), features], 1)
        features.copy_(wide.scatter_(1, places, scaled)[:, 1:])
        for rows, written in self._written_out(x.double()):
            features[rows] += written.to(features)

    def product(self, x: Tensor, weight: Tensor, magnitudes: bool = False) -> Tensor:
        """φ Wᵀ, with W (K, d): (n, K)."""
        features, values = self.of(x, magnitudes)
        total = torch.stack([(own[features] * values).sum(1) for own in weight], 1)
        for rows, written in self._written_out(x, magnitudes):
            total = total.index_add(0, rows, written.to(weight) @ weight.T)
        return total

    def add_transposed(self, total: Tensor, g: Tensor, x: Tensor, magnitudes: bool = False, squared: bool = False) -> None:
        """Adds gᵀφ, or gᵀφ², with g (n, K), to a sum (K, d)."""
        features, values = self.of(x, magnitudes)
        values = values.square() if squared else values
        for sums, own in zip(total, g.T, strict=True):
            sums.scatter_add_(0, features.flatten(), (own[:, None] * values).flatten())
        for rows, written in self._written_out(x, magnitudes):
            total += g[rows].T @ (written.square() if squared else written).to(g)

    def add_gram(self, total: Tensor, weights: Tensor, x: Tensor) -> None:
        """Adds φᵀ diag(w) φ, with w (n,), to a sum (d, d): as many pairs of a row as it has."""
        features, values = self.of(x)
        # The sum as a vector, whatever it is a part of.
        row = total.stride(0)
        flat = total.as_strided((row * (len(total) - 1) + total.shape[1],), (1,))
        for slot in range(self.count):
            pairs = features[:, slot, None] * row + features
            flat.scatter_add_(0, pairs.flatten(), ((weights * values[:, slot])[:, None] * values).flatten())
        for rows, written in self._written_out(x):
            own = written.to(weights)
            total += (own * weights[rows][:, None]).T @ own

    def summed_with(self, others: Tensor, x: Tensor) -> Tensor:
        """Σ of others (r, n) times φ over rows: (r, d)."""
        features, values = self.of(x)
        total = others.new_zeros(len(others), len(self.factor))
        products = (others[:, :, None] * values).flatten(1)
        total.scatter_add_(1, features.flatten().expand(len(others), -1), products)
        for rows, written in self._written_out(x):
            total += others[:, rows] @ written.to(others)
        return total

    def summed_by(self, codes: Tensor, levels: int, weights: Tensor, x: Tensor) -> Tensor:
        """Σ w φ over the rows of each level of a code (n,): (levels, d)."""
        features, values = self.of(x)
        d = len(self.factor)
        total = weights.new_zeros(levels * d)
        pairs = codes[:, None] * d + features
        total = total.scatter_add_(0, pairs.flatten(), (weights[:, None] * values).flatten()).view(levels, d)
        for rows, written in self._written_out(x):
            total.index_add_(0, codes[rows], weights[rows][:, None] * written.to(weights))
        return total

    def largest(self, x: Tensor) -> Tensor:
        """max |φ| of each feature (d,)."""
        features, values = self.of(x.double(), magnitudes=True)
        found = values.new_zeros(len(self.factor)).scatter_reduce_(0, features.flatten(), values.flatten(), "amax")
        for rows, written in self._written_out(x.double(), magnitudes=True):
            if len(rows):
                found = torch.maximum(found, written.amax(0))
        return found

    def _written_out(self, x: Tensor, magnitudes: bool = False) -> Iterator[tuple[Tensor, Tensor]]:
        """Which of some rows are long (r,), and their features (r, d); nothing where no row of the table is."""
        if len(self.long_rows):
            numbers = x[:, self.first + 2 * self.count].long()
            rows = numbers.nonzero()[:, 0]
            written = self.long_rows.to(x)[numbers[rows] - 1] / self.deviation.to(x)
            yield rows, written.abs() if magnitudes else written

    def _stored(self, x: Tensor) -> tuple[Tensor, Tensor]:
        values = self.first + self.count
        return x[:, self.first : values].long(), x[:, values : values + self.count]
