r"""Features of which a row has few that are not 0: stored are their places and their values, in as many slots as the longest
row needs.

    φ_j = a_j v    where a slot has place j and value v, else 0          a_j = 1 / s_j, the deviation

They are not centred, since that would fill them; with an intercept all other coefficients are the same.
"""

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
    """

    first: int
    count: int
    deviation: Tensor

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

    def product(self, x: Tensor, weight: Tensor, magnitudes: bool = False) -> Tensor:
        """φ Wᵀ, with W (K, d): (n, K)."""
        features, values = self.of(x, magnitudes)
        return torch.stack([(own[features] * values).sum(1) for own in weight], 1)

    def add_transposed(self, total: Tensor, g: Tensor, x: Tensor, magnitudes: bool = False, squared: bool = False) -> None:
        """Adds gᵀφ, or gᵀφ², with g (n, K), to a sum (K, d)."""
        features, values = self.of(x, magnitudes)
        values = values.square() if squared else values
        for sums, own in zip(total, g.T, strict=True):
            sums.scatter_add_(0, features.flatten(), (own[:, None] * values).flatten())

    def add_gram(self, total: Tensor, weights: Tensor, x: Tensor) -> None:
        """Adds φᵀ diag(w) φ, with w (n,), to a sum (d, d): as many pairs of a row as it has."""
        features, values = self.of(x)
        # The sum as a vector, whatever it is a part of.
        row = total.stride(0)
        flat = total.as_strided((row * (len(total) - 1) + total.shape[1],), (1,))
        for slot in range(self.count):
            pairs = features[:, slot, None] * row + features
            flat.scatter_add_(0, pairs.flatten(), ((weights * values[:, slot])[:, None] * values).flatten())

    def summed_with(self, others: Tensor, x: Tensor) -> Tensor:
        """Σ of others (r, n) times φ over rows: (r, d)."""
        features, values = self.of(x)
        total = others.new_zeros(len(others), len(self.factor))
        products = (others[:, :, None] * values).flatten(1)
        return total.scatter_add_(1, features.flatten().expand(len(others), -1), products)

    def summed_by(self, codes: Tensor, levels: int, weights: Tensor, x: Tensor) -> Tensor:
        """Σ w φ over the rows of each level of a code (n,): (levels, d)."""
        features, values = self.of(x)
        d = len(self.factor)
        total = weights.new_zeros(levels * d)
        pairs = codes[:, None] * d + features
        return total.scatter_add_(0, pairs.flatten(), (weights[:, None] * values).flatten()).view(levels, d)

    def largest(self, x: Tensor) -> Tensor:
        """max |φ| of each feature (d,)."""
        features, values = self.of(x.double(), magnitudes=True)
        return values.new_zeros(len(self.factor)).scatter_reduce_(0, features.flatten(), values.flatten(), "amax")

    def _stored(self, x: Tensor) -> tuple[Tensor, Tensor]:
        values = self.first + self.count
        return x[:, self.first : values].long(), x[:, values : values + self.count]
