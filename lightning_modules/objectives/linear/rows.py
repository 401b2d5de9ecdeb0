"""Rows of features and targets, read in chunks that fit a processor's cache."""

import math
from collections.abc import Iterator
from functools import cached_property

import torch
from torch import Tensor

from lightning_modules.objectives.linear.triangle import triangle
from lightning_modules.objectives.mapped_pages import MappedPages
from lightning_modules.objectives.reduction import Reduction, of_each_process, rows_before, this_process, total_count

CACHE_BYTES = 2**21
TOUCHED_BYTES = 2**24
# Powers of two that float64 has, and their inverses.
MOST_EXPONENT = 1000


class Rows:
    """The rows of a table that this process holds.

    Args:
        features: X (n, d), a tensor or a memory-mapped one; may be empty on some processes.
        targets: y (n, …).
        reduction: sums over processes; `this_process` if all rows are here.
        chunk_rows: rows per chunk; by default what fills a cache of 2 MiB.

    Attributes:
        num_rows: of all processes.

    Raises:
        ValueError: features and targets of different length, no row at all.
    """

    def __init__(
        self, features: Tensor, targets: Tensor, reduction: Reduction = this_process, chunk_rows: int | None = None
    ) -> None:
        self.features, self.targets, self.reduction = features, targets, reduction
        self.num_features = features.shape[1]
        row_bytes = max(1, self.num_features * features.element_size())
        # Of every k-th row of a mapped file the pages in between are touched as well.
        apart_bytes = max(1, features.stride(0) * features.element_size())
        self.chunk_rows = chunk_rows or max(256, min(CACHE_BYTES // row_bytes, TOUCHED_BYTES // apart_bytes))
        self.num_rows = total_count(len(features), reduction, features.device)
        if self.num_rows == 0:
            raise ValueError("there is not a single row to compute a loss from")

    def every_kth(self, k: int) -> "Rows":
        """Every k-th of all rows from the first, the processes taken in order: a sample, if the rows' order means nothing.

        Which rows these are does not depend on how they are shared among processes. They are a view, not a copy, which would
        take memory and save no time.
        """
        first = -rows_before(len(self.features), self.reduction, self.features.device) % k
        return Rows(self.features[first::k], self.targets[first::k], self.reduction)

    @property
    def num_chunks(self) -> int:
        """Of this process."""
        return len(self._chunks)

    def chunk(self, number: int) -> tuple[Tensor, Tensor]:
        """Features (rows, d) and targets of one chunk: views, to be read at once."""
        chunk = self._chunks[number]
        self._pages.was_read(*chunk)
        return chunk

    def chunks(self, dtype: torch.dtype) -> Iterator[tuple[Tensor, Tensor]]:
        """Features, in a floating type, and targets, chunk by chunk."""
        for number in range(self.num_chunks):
            x, y = self.chunk(number)
            yield x.to(dtype), y

    @cached_property
    def _chunks(self) -> list[tuple[Tensor, Tensor]]:
        if len(self.features) == 0:
            return []
        return list(zip(self.features.split(self.chunk_rows), self.targets.split(self.chunk_rows), strict=True))

    @cached_property
    def _pages(self) -> MappedPages:
        return MappedPages(self.features, self.targets)

    # -- in any unit ---------------------------------------------------------------------------------------------------

    @cached_property
    def scale(self) -> Tensor:
        """s (d + 1,), powers of two that bring the largest entry of every column of (x, 1) to between ½ and 1.

        Multiplying by them rounds nothing, and then neither squares nor their sums leave what float64 can hold.
        """
        largest = torch.zeros(self.num_features + 1, dtype=torch.float64, device=self.features.device)
        largest[-1] = 0.5
        for x, _ in self.chunks(self.features.dtype):
            largest[:-1] = torch.maximum(largest[:-1], x.abs().amax(0))
        largest = of_each_process(largest, self.reduction).amax(0)
        return torch.exp2(-torch.frexp(largest).exponent.double().clamp(-MOST_EXPONENT, MOST_EXPONENT))

    def extended(self, x: Tensor) -> Tensor:
        """Rows x (m, d) -> s · (x, 1), in float64: (m, d + 1)."""
        extended = self.scale.new_empty(len(x), self.num_features + 1)
        torch.mul(x.double(), self.scale[:-1], out=extended[:, :-1])
        extended[:, -1] = self.scale[-1]
        return extended

    def extended_chunks(self) -> Iterator[Tensor]:
        """`extended` of every chunk."""
        _ = self.scale  # summed before the first row, since a process may have none
        return (self.extended(x) for x, _ in self.chunks(self.features.dtype))

    @cached_property
    def triangle(self) -> Tensor:
        """R of the rows s · (x, 1) of all processes: (min(n, d + 1), d + 1)."""
        return triangle(self.extended_chunks(), self.extended(self.features[:0]), self.num_rows, self.reduction)

    @cached_property
    def scaled_gram(self) -> Tensor:
        """Σ s(x, 1)(x, 1)ᵀs over all rows, in float64: (d + 1, d + 1)."""
        size = self.num_features + 1
        total = torch.zeros(size, size, dtype=torch.float64, device=self.features.device)
        for extended in self.extended_chunks():
            total.addmm_(extended.T, extended)
        return self.reduction(total)

    @property
    def rounding(self) -> float:
        """ε of the type that the features are in."""
        dtype = self.features.dtype
        return torch.finfo(dtype if dtype.is_floating_point else torch.float64).eps

    @property
    def terms(self) -> int:
        """k, such that a sum over the rows errs by at most kε of the sum of its terms' magnitudes."""
        return min(self.chunk_rows, self.num_rows) + math.ceil(self.num_rows / self.chunk_rows)

    # -- in the units of the features ----------------------------------------------------------------------------------

    @cached_property
    def gram(self) -> Tensor:
        """Σ (x, 1)(x, 1)ᵀ over all rows, in float64: (d + 1, d + 1)."""
        return self.scaled_gram / self.scale[:, None] / self.scale

    @cached_property
    def gram_eigen(self) -> tuple[Tensor, Tensor]:
        """Eigenvalues (d + 1,) and eigenvectors (d + 1, d + 1) of the mean of (x, 1)(x, 1)ᵀ."""
        eigenvalues, eigenvectors = torch.linalg.eigh(self.gram / self.num_rows)
        return eigenvalues, eigenvectors

    @property
    def root_mean_squares(self) -> Tensor:
        """Of (x, 1) over all rows (d + 1,); 1 for a feature that is 0 throughout."""
        squares = self.gram.diagonal() / self.num_rows
        return torch.where(squares > 0, squares, 1.0).sqrt()

    @cached_property
    def scaled_gram_eigen(self) -> tuple[Tensor, Tensor]:
        """As `gram_eigen`, of the features divided by their root mean squares."""
        scale = self.root_mean_squares
        eigenvalues, eigenvectors = torch.linalg.eigh(self.gram / self.num_rows / scale[:, None] / scale)
        return eigenvalues, eigenvectors
