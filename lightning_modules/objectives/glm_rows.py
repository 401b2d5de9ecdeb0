"""The rows of a generalised linear model, and how its parameters lie in one vector."""

from collections.abc import Iterator

import torch
from torch import Tensor

from lightning_modules.objectives.families.family import Family
from lightning_modules.objectives.reduction import Reduction, this_process

CACHE_BYTES = 2**21


class GLMRows:
    """Features and targets of this process, read in chunks that fit a processor's cache.

    θ (p,) = (W (K, d) row by row, b (K,)), p = K (d + 1): the layout of `torch.nn.Linear(d, K)`.

    Args:
        family: pointwise loss of the linear predictor.
        features: X (n, d), this process's rows: a tensor or a memory-mapped one; may be empty on some processes.
        targets: y, as `family.check` takes them.
        l2: λ ≥ 0.
        reduction: sums over processes; `this_process` if all rows are here.
        chunk_rows: rows per chunk; by default what fills a cache of 2 MiB.

    Raises:
        ValueError: targets that do not suit the family, features and targets of different length, no row at all.
    """

    def __init__(
        self,
        family: Family,
        features: Tensor,
        targets: Tensor,
        l2: float = 0.0,
        reduction: Reduction = this_process,
        chunk_rows: int | None = None,
    ) -> None:
        if len(features) != len(targets):
            raise ValueError(f"{len(features)} rows of features but {len(targets)} targets: they must match row by row")
        self.family, self.features, self.targets = family, features, family.check(targets)
        self.l2, self.reduction = l2, reduction
        self.num_features = features.shape[1]
        row_bytes = max(1, self.num_features * features.element_size())
        self.chunk_rows = chunk_rows or max(256, CACHE_BYTES // row_bytes)
        self.num_rows = int(reduction(torch.tensor(len(features), device=features.device)))
        if self.num_rows == 0:
            raise ValueError("there is not a single row to compute a loss from")

    def pairs(self, dtype: torch.dtype) -> Iterator[tuple[Tensor, Tensor]]:
        """Chunks of (features, targets)."""
        for start in range(0, len(self.features), self.chunk_rows):
            rows = slice(start, start + self.chunk_rows)
            yield self.features[rows].to(dtype), self.targets[rows]

    def chunks(self, theta: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Chunks of (features, targets, linear predictors)."""
        weight, bias = self.split(theta)
        for x, y in self.pairs(theta.dtype):
            yield x, y, torch.addmm(bias, x, weight.T)

    def gram(self) -> Tensor:
        """Σ (1, x)(1, x)ᵀ over all rows, in float64: (d + 1, d + 1)."""
        size = self.num_features + 1
        total = torch.zeros(size, size, dtype=torch.float64, device=self.features.device)
        for x, _ in self.pairs(torch.float64):
            extended = torch.cat([x.new_ones(len(x), 1), x], 1)
            total.addmm_(extended.T, extended)
        return self.reduction(total)

    def split(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """(p,) -> W (K, d), b (K,)."""
        weight, bias = theta.split([self.family.num_outputs * self.num_features, self.family.num_outputs])
        return weight.view(self.family.num_outputs, self.num_features), bias

    def weights_of(self, theta: Tensor) -> Tensor:
        """(W, b) -> (W, 0): the penalised part of a parameter vector."""
        weight, bias = self.split(theta)
        return torch.cat([weight.flatten(), torch.zeros_like(bias)])

    def common_shifts(self, theta: Tensor) -> Tensor:
        """Orthonormal directions (p, k) that shift all K predictors of a row alike: in every column of (W, b), or in b alone
        if W is penalised. k = 0 for a family that such a shift does not leave alone.
        """
        if not self.family.shift_invariant:
            return theta.new_zeros(len(theta), 0)
        shift = theta.new_full((self.family.num_outputs, 1), self.family.num_outputs**-0.5)
        features = torch.eye(self.num_features + 1, dtype=theta.dtype, device=theta.device)
        return torch.kron(shift, features[:, -1:] if self.l2 else features)[self.by_layout()]

    def pull_back(self, g: Tensor, x: Tensor) -> Tensor:
        """Σ_i g_i ⊗ x̃_i of a chunk, laid out as θ: (rows, K), (rows, d) -> (p,)."""
        return torch.cat([(g.T @ x).flatten(), g.sum(0)])

    def by_layout(self) -> Tensor:
        """Takes a vector ordered output by output, (W | b) row by row, to the layout of θ: (p,)."""
        order = torch.arange(self.family.num_outputs * (self.num_features + 1), device=self.features.device)
        by_output = order.view(self.family.num_outputs, self.num_features + 1)
        return torch.cat([by_output[:, :-1].flatten(), by_output[:, -1]])
