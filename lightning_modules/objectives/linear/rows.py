"""Rows of features and targets, read in chunks that fit a processor's cache, or that keep a device at work."""

import math
from collections.abc import Callable, Iterator
from functools import cached_property

import torch
from torch import Tensor

from lightning_modules.objectives.linear.per_row import RowTerms
from lightning_modules.objectives.linear.triangle import triangle
from lightning_modules.objectives.mapped_pages import MappedPages, pieces
from lightning_modules.objectives.reduction import Reduction, of_each_process, rows_of_each, this_process
from lightning_modules.objectives.rows_at_a_time import rows_at_a_time

CACHE_BYTES = 2**21
TOUCHED_BYTES = 2**24
# So many numbers of a row are computed for each output, and for each feature where rows are copied or scaled.
NUMBERS = 8
NO_TERMS = RowTerms()
# Powers of two that float64 has, and their inverses.
MOST_EXPONENT = 1000


class Rows:
    """The rows of a table that this process holds.

    A chunk is what a loss is computed from: beside the rows only their outputs. What makes as many numbers as there are
    features, a scaled copy for example, goes over `pieces` of it: on a processor the chunk itself.

    Args:
        features: X (n, d), a tensor or a memory-mapped one; may be empty on some processes. Where the targets are on a device
            and the features are not, each chunk is moved there when it is read, and is no larger than a piece.
        targets: y (n, …).
        reduction: sums over processes; `this_process` if all rows are here.
        chunk_rows: rows per chunk; by default what fills a cache of 2 MiB, on a device what keeps all that is computed
            within `rows_at_a_time.DEVICE_BYTES`.
        num_outputs: K, linear predictors of a row.
        counts: rows on each process, if they are known; else the reduction is asked.
        terms: weights and offsets of the rows, if they have any: then a chunk's targets are these beside y (`RowTerms`).
        has_constant: whether the model has a bias, a column of ones beside X.

    Attributes:
        num_rows: of all processes.
        weight: n of the means, the sum of all processes' weights; without weights the number of rows.
        device: where is computed.

    Raises:
        ValueError: features and targets of different length, no row at all.
    """

    def __init__(
        self,
        features: Tensor,
        targets: Tensor,
        reduction: Reduction = this_process,
        chunk_rows: int | None = None,
        num_outputs: int = 1,
        counts: list[int] | None = None,
        terms: RowTerms = NO_TERMS,
        has_constant: bool = True,
    ) -> None:
        self.features, self.targets, self.reduction = features, targets, reduction
        self.device, self.num_outputs = targets.device, num_outputs
        self.terms_of_rows, self.has_constant = terms, has_constant
        self.num_features = features.shape[1]
        self.num_columns = self.num_features + has_constant  # of (x, 1)
        row_bytes = max(1, self.num_features * features.element_size())
        # Of every k-th row of a mapped file the pages in between are touched as well.
        apart_bytes = max(1, features.stride(0) * features.element_size())
        in_cache = max(256, min(CACHE_BYTES // row_bytes, TOUCHED_BYTES // apart_bytes))
        # All in float64, the largest type there is.
        of_outputs, of_features = 8 * NUMBERS * num_outputs, 8 * (NUMBERS * (self.num_features + 1) + 3 * num_outputs**2)
        is_moved = features.device != self.device
        self.chunk_rows = chunk_rows or rows_at_a_time(self.device, in_cache, of_features if is_moved else of_outputs)
        self.piece_rows = min(self.chunk_rows, rows_at_a_time(self.device, self.chunk_rows, of_features))
        self._counts = counts or rows_of_each(len(features), reduction, self.device)
        self.num_rows = sum(self._counts)
        if self.num_rows == 0:
            raise ValueError("there is not a single row to compute a loss from")
        self.weight: Tensor | int = self.num_rows
        if terms.weights is not None:
            self.weight = reduction(torch.stack([part.double().sum() for (part,) in pieces(terms.weights)]).sum())

    def every_kth(self, k: int) -> "Rows":
        """Every k-th of all rows from the first, the processes taken in order: a sample, if the rows' order means nothing.

        Which rows these are does not depend on how they are shared among processes. They are a view, not a copy, which would
        take memory and save no time.
        """
        before = [sum(self._counts[:rank]) for rank in range(len(self._counts))]
        counts = [len(range(-rows % k, count, k)) for rows, count in zip(before, self._counts, strict=True)]
        own = slice(-before[self.reduction.rank] % k, None, k)
        return Rows(
            self.features[own],
            self.targets[own],
            self.reduction,
            num_outputs=self.num_outputs,
            counts=counts,
            terms=self.terms_of_rows.of(own),
            has_constant=self.has_constant,
        )

    def of(self, rows: Tensor | slice = slice(None), columns: Tensor | slice = slice(None)) -> "Rows":
        """Some of this process's rows, or some of the features in float64, given by their places: copied."""
        x = self.features[rows] if isinstance(columns, slice) else self.features[:, columns].double()
        terms, k = self.terms_of_rows.of(rows), self.num_outputs
        return Rows(x, self.targets[rows], self.reduction, num_outputs=k, terms=terms, has_constant=self.has_constant)

    @property
    def num_chunks(self) -> int:
        """Of this process."""
        return len(self._chunks)

    def chunk(self, number: int) -> tuple[Tensor, Tensor]:
        """Features (rows, d) and targets of one chunk, on the device: views where they lie there, to be read at once."""
        x, y = self._chunks[number]
        self._pages.was_read(x, y)
        if self.terms_of_rows:
            terms = self.terms_of_rows.of(slice(number * self.chunk_rows, (number + 1) * self.chunk_rows))
            self._pages.was_read(*(part for part in terms.parts if part is not None))
            y = terms.beside(y)
        # Not waited for: memory of the host that can be swapped out is read before the call returns.
        return x.to(self.device, non_blocking=True), y

    def pieces(self, *parts: Tensor) -> Iterator[tuple[Tensor, ...]]:
        """Row-aligned parts of a chunk, at most `piece_rows` at a time: views."""
        if len(parts[0]) <= self.piece_rows:
            yield parts
        else:
            yield from zip(*(part.split(self.piece_rows) for part in parts), strict=True)

    def chunks(self, dtype: torch.dtype) -> Iterator[tuple[Tensor, Tensor]]:
        """Features, in a floating type, and targets: chunk by chunk, where they have to be copied piece by piece."""
        for number in range(self.num_chunks):
            chunk = self.chunk(number)
            if chunk[0].dtype == dtype:
                yield chunk
            else:
                yield from ((x.to(dtype), y) for x, y in self.pieces(*chunk))

    def all_pieces(self) -> Iterator[tuple[Tensor, ...]]:
        """Features, as they are, and targets, piece by piece."""
        for number in range(self.num_chunks):
            yield from self.pieces(*self.chunk(number))

    @property
    def all_targets(self) -> Tensor:
        """Targets of this process's rows, as chunks have them."""
        return self.terms_of_rows.beside(self.targets) if self.terms_of_rows else self.targets

    def sum_of_targets(self, of: Callable[[Tensor], Tensor]) -> Tensor:
        """Σ over this process's rows of a function of their targets, (m, …) -> (m, …), as chunks have them: (…)."""
        return torch.stack([of(y).sum(0) for y in self.terms_of_rows.pieces_beside(self.targets)]).sum(0)

    @cached_property
    def _chunks(self) -> list[tuple[Tensor, Tensor]]:
        if len(self.features) == 0:
            return []
        return list(zip(self.features.split(self.chunk_rows), self.targets.split(self.chunk_rows), strict=True))

    @cached_property
    def _pages(self) -> MappedPages:
        return MappedPages(self.features, self.targets, *(part for part in self.terms_of_rows.parts if part is not None))

    # -- in any unit ---------------------------------------------------------------------------------------------------

    @cached_property
    def scale(self) -> Tensor:
        """s (d + 1,), powers of two that bring the largest entry of every column of (x, 1) to between ½ and 1.

        Here and below: without a bias there is no column of ones, and d + 1 is d.

        Multiplying by them rounds nothing, and then neither squares nor their sums leave what float64 can hold.
        """
        largest = torch.zeros(self.num_columns, dtype=torch.float64, device=self.device)
        largest[self.num_features :] = 0.5
        for x, _ in self.all_pieces():
            largest[: self.num_features] = torch.maximum(largest[: self.num_features], x.abs().amax(0))
        largest = of_each_process(largest, self.reduction).amax(0)
        return torch.exp2(-torch.frexp(largest).exponent.double().clamp(-MOST_EXPONENT, MOST_EXPONENT))

    def extended(self, x: Tensor) -> Tensor:
        """Rows x (m, d) -> s · (x, 1), in float64: (m, d + 1)."""
        extended, d = self.scale.new_empty(len(x), self.num_columns), self.num_features
        torch.mul(x.double(), self.scale[:d], out=extended[:, :d])
        extended[:, d:] = self.scale[d:]
        return extended

    def extended_chunks(self) -> Iterator[Tensor]:
        """`extended` of every chunk, piece by piece."""
        _ = self.scale  # summed before the first row, since a process may have none
        return (self.extended(x) for x, _ in self.all_pieces())

    @cached_property
    def triangle(self) -> Tensor:
        """R of the rows s · (x, 1) of all processes: (min(n, d + 1), d + 1)."""
        return triangle(self.extended_chunks(), self.no_rows, self.num_rows, self.reduction)

    @property
    def no_rows(self) -> Tensor:
        """`extended` of none: (0, d + 1)."""
        return self.scale.new_empty(0, self.num_columns)

    @cached_property
    def scaled_gram(self) -> Tensor:
        """Σ s(x, 1)(x, 1)ᵀs over all rows, in float64: (d + 1, d + 1)."""
        size = self.num_columns
        total = torch.zeros(size, size, dtype=torch.float64, device=self.device)
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
        return min(self.chunk_rows, self.num_rows) + math.ceil(self.num_rows / self.piece_rows)

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
