"""The rows of a generalised linear model, and how its parameters lie in one vector."""

import math
from collections.abc import Callable, Iterator
from copy import copy
from functools import cached_property

import torch
from torch import Tensor
from typing_extensions import Self

from lightning_modules.objectives.common_shifts import common_shifts
from lightning_modules.objectives.families.family import Family
from lightning_modules.objectives.known_point import KnownPoint
from lightning_modules.objectives.reduction import Reduction, this_process, total_count
from lightning_modules.objectives.shared_work import shared

CACHE_BYTES = 2**21
# Predictors are kept for the next query at the same θ up to this size.
KEPT_BYTES = 2**26
SAMPLE_BYTES = 2**28
# Adds to a sum what a chunk gives: its features (rows, d), targets and linear predictors (rows, K).
Add = Callable[[Tensor, Tensor, Tensor], None]
CHUNKS_PER_THREAD = 2


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
        self.num_rows = total_count(len(features), reduction, features.device)
        if self.num_rows == 0:
            raise ValueError("there is not a single row to compute a loss from")
        self._known: KnownPoint[dict[int, Tensor]] | None = None

    def with_l2(self, l2: float) -> Self:
        """The same rows under another penalty, sharing what is known of them."""
        other = copy(self)
        other.l2 = l2
        return other

    def every(self, step: int, dtype: torch.dtype | None = None) -> Self:
        """The loss over every so manyth row of each process, from the first: a sample of them, if their order means nothing.

        Up to SAMPLE_BYTES, in the given precision (default: the features' own), the rows are copied to lie side by side.
        """
        if step == 1:
            return self
        features, dtype = self.features[::step], dtype or self.features.dtype
        if features.numel() * dtype.itemsize <= SAMPLE_BYTES:
            features = features.to(dtype).contiguous()
        return type(self)(self.family, features, self.targets[::step].contiguous(), self.l2, self.reduction)

    def pairs(self, dtype: torch.dtype) -> Iterator[tuple[Tensor, Tensor]]:
        """Chunks of (features, targets)."""
        for x, y in self._pieces:
            yield x.to(dtype), y

    def chunks(self, theta: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Chunks of (features, targets, linear predictors)."""
        weight, bias = self.split(theta)
        for x, y in self.pairs(theta.dtype):
            yield x, y, torch.addmm(bias, x, weight.T)

    def known_chunks(self, theta: Tensor, first: int = 0, step: int = 1) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """`chunks`, the linear predictors computed once for as long as θ stays the same: for products at one point.

        They take K numbers a row beside its d features; more than KEPT_BYTES are not kept, so that memory does not grow with
        rows that are memory-mapped. θ must be an ordinary tensor, not one under `torch.func`.

        Args:
            theta: θ (p,).
            first, step: which of the chunks.
        """
        weight, bias = self.split(theta)
        known = self._known_at(theta)
        by_output = weight.T
        # A chunk is brought into the cache by reading it from one end to the other: products read several rows at a time,
        # which memory answers more slowly.
        fetched = self.num_chunks > 1 and theta.device.type == "cpu"
        for number in range(first, self.num_chunks, step):
            x, y = self._pieces[number]
            x = x.to(theta.dtype)
            if fetched:
                x.sum()
            z = torch.addmm(bias, x, by_output) if known is None or number not in known else known[number]
            if known is not None:
                known[number] = z
            yield x, y, z

    def summed(self, theta: Tensor, shape: tuple[int, ...], adding_to: Callable[[Tensor], Add]) -> Tensor:
        """A sum over the rows of this process, at θ (p,), the cores of a processor sharing the chunks.

        Args:
            theta: as in `known_chunks`.
            shape: of the sum.
            adding_to: takes a sum that begins with 0, and returns what adds to it in place what a chunk of `known_chunks`
                gives.
        """
        threads = torch.get_num_threads() if theta.device.type == "cpu" else 1
        # Every part has a sum of its own, and a thread takes as long to start as a few chunks.
        is_small = math.prod(shape) * theta.element_size() <= KEPT_BYTES
        parts = threads if is_small and self.num_chunks >= CHUNKS_PER_THREAD * threads else 1
        self._known_at(theta)  # before the threads ask

        def of_part(part: int) -> Tensor:
            total = theta.new_zeros(shape)
            add = adding_to(total)
            for x, y, z in self.known_chunks(theta, part, parts):
                add(x, y, z)
            return total

        total, *others = shared(of_part, parts)
        for other in others:
            total += other
        return total

    @property
    def num_chunks(self) -> int:
        return len(self._pieces)

    @cached_property
    def _pieces(self) -> list[tuple[Tensor, Tensor]]:
        """Views of features and targets, chunk by chunk."""
        if len(self.features) == 0:
            return []
        return list(zip(self.features.split(self.chunk_rows), self.targets.split(self.chunk_rows), strict=True))

    def _known_at(self, theta: Tensor) -> dict[int, Tensor] | None:
        """Linear predictors by chunk, those that are known at θ (p,); None where they would take too much memory."""
        if len(self.features) * self.family.num_outputs * theta.element_size() > KEPT_BYTES:
            return None
        if self._known is None or not self._known.is_at(theta):
            self._known = KnownPoint(theta, {})
        return self._known.known

    @cached_property
    def gram(self) -> Tensor:
        """Σ (x, 1)(x, 1)ᵀ over all rows, in float64: (d + 1, d + 1)."""
        size = self.num_features + 1
        total = torch.zeros(size, size, dtype=torch.float64, device=self.features.device)
        for x, _ in self.pairs(torch.float64):
            extended = torch.cat([x, x.new_ones(len(x), 1)], 1)
            total.addmm_(extended.T, extended)
        return self.reduction(total)

    @property
    def hides_features(self) -> bool:
        """Whether rounding in the Gram matrix's eigenvalues is above the squares of some feature, and no penalty above both."""
        squares = self.gram.diagonal()
        return self.l2 == 0 and bool(((squares > 0) & (squares < 1e-12 * squares.max())).any())

    @cached_property
    def gram_eigen(self) -> tuple[Tensor, Tensor]:
        """Eigenvalues (d + 1,) and eigenvectors (d + 1, d + 1) of the mean of (x, 1)(x, 1)ᵀ."""
        eigenvalues, eigenvectors = torch.linalg.eigh(self.gram / self.num_rows)
        return eigenvalues, eigenvectors

    def split(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """(p,) -> W (K, d), b (K,)."""
        weight, bias = theta.split([self.family.num_outputs * self.num_features, self.family.num_outputs])
        return weight.view(self.family.num_outputs, self.num_features), bias

    def weights_of(self, theta: Tensor) -> Tensor:
        """(W, b) -> (W, 0): the penalised part of a parameter vector."""
        weight, bias = self.split(theta)
        return torch.cat([weight.flatten(), torch.zeros_like(bias)])

    def invariant_directions(self, theta: Tensor) -> Tensor:
        """The common shifts of W and b, for a family that they leave alone: (p,) -> (p, k)."""
        if not self.family.shift_invariant:
            return theta.new_zeros(len(theta), 0)
        return common_shifts(self.split(theta)[0], penalised=self.l2 > 0)

    def pulling_back(self, total: Tensor) -> Callable[[Tensor, Tensor], None]:
        """Makes what adds Σ_i g_i ⊗ x̃_i of a chunk, g (rows, K) and x (rows, d), to a sum (p,) laid out as θ, in place."""
        weight, bias = self.split(total)

        def pull_back(g: Tensor, x: Tensor) -> None:
            weight.addmm_(g.T, x)
            bias.add_(g.sum(0))

        return pull_back

    def by_layout(self) -> Tensor:
        """Takes a vector ordered output by output, (W | b) row by row, to the layout of θ: (p,)."""
        order = torch.arange(self.family.num_outputs * (self.num_features + 1), device=self.features.device)
        by_output = order.view(self.family.num_outputs, self.num_features + 1)
        return torch.cat([by_output[:, :-1].flatten(), by_output[:, -1]])
