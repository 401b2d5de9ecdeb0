"""Rows of features and targets, read in chunks that fit a processor's cache, or that keep a device at work."""

from collections.abc import Callable, Iterator
from functools import cached_property

import torch
from torch import Tensor

from lightning_modules.objectives.columns import Columns
from lightning_modules.objectives.linear.per_row import RowTerms
from lightning_modules.objectives.mapped_pages import MappedPages, pieces
from lightning_modules.objectives.reduction import Reduction, rows_of_each, this_process
from lightning_modules.objectives.rows_at_a_time import rows_at_a_time

CACHE_BYTES = 2**21
TOUCHED_BYTES = 2**24
# So many numbers of a row are computed for each output, and for each feature where rows are copied or scaled.
NUMBERS = 8
NO_TERMS = RowTerms()


class RowChunks:
    """The rows of a table that this process holds.

    A chunk is what a loss is computed from: beside the rows only their outputs. What makes as many numbers as there are
    features, a scaled copy for example, goes over `pieces` of it: on a processor the chunk itself.

    Args:
        features: X (n, d), a tensor or a memory-mapped one; may be empty on some processes. Where the targets are on a device
            and the features are not, each chunk is moved there when it is read, and is no larger than a piece. With columns,
            what is stored of them (n, c).
        targets: y (n, …).
        reduction: sums over processes; `this_process` if all rows are here.
        chunk_rows: rows per chunk; by default what fills a cache of 2 MiB, on a device what keeps all that is computed
            within `rows_at_a_time.DEVICE_BYTES`.
        num_outputs: K, linear predictors of a row.
        counts: rows on each process, if they are known; else the reduction is asked.
        terms: weights and offsets of the rows, if they have any: then a chunk's targets are these beside y (`RowTerms`).
        has_constant: whether the model has a bias, a column of ones beside X.
        columns: what features are stored as; None = as they are.

    Attributes:
        columns: what features are stored as.
        piece_rows: at most so many rows are written out at a time.
        wide_rows: of at most so many are computed as many numbers as there are features.
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
        columns: Columns | None = None,
    ) -> None:
        self.features, self.targets, self.reduction = features, targets, reduction
        self.device, self.num_outputs = targets.device, num_outputs
        self.terms_of_rows, self.has_constant = terms, has_constant
        self.columns = columns or Columns(features.shape[1])
        self.num_features = self.columns.num_features
        self.num_columns = self.num_features + has_constant  # of (x, 1)
        row_bytes = max(1, self.columns.num_stored * features.element_size())
        # Of every k-th row of a mapped file the pages in between are touched as well.
        apart_bytes = max(1, features.stride(0) * features.element_size())
        in_cache = max(256, min(CACHE_BYTES // row_bytes, TOUCHED_BYTES // apart_bytes))
        # All in float64, the largest type there is.
        of_outputs, of_features = 8 * NUMBERS * num_outputs, 8 * (NUMBERS * (self.num_features + 1) + 3 * num_outputs**2)
        is_moved = features.device != self.device
        self.chunk_rows = chunk_rows or rows_at_a_time(self.device, in_cache, of_features if is_moved else of_outputs)
        written_out = max(256, CACHE_BYTES // max(1, 8 * self.num_features))
        in_cache = self.chunk_rows if self.columns.are_written_out else written_out
        self.piece_rows = min(self.chunk_rows, rows_at_a_time(self.device, in_cache, of_features))
        # What is not written out is not wide: on a processor a chunk is summed over as it is.
        is_wide = self.columns.are_written_out or self.device.type != "cpu"
        self.wide_rows = self.piece_rows if is_wide else self.chunk_rows
        self.counts = counts or rows_of_each(len(features), reduction, self.device)
        self.num_rows = sum(self.counts)
        if self.num_rows == 0:
            raise ValueError("there is not a single row to compute a loss from")
        self.weight: Tensor | int = self.num_rows
        if terms.weights is not None:
            self.weight = reduction(torch.stack([part.double().sum() for (part,) in pieces(terms.weights)]).sum())

    @property
    def num_chunks(self) -> int:
        """Of this process."""
        return len(self._chunks)

    def chunk(self, number: int) -> tuple[Tensor, Tensor]:
        """Features (rows, d) and targets of one chunk, on the device: views where they lie there, to be read at once.

        Here and below: with columns, features are as they are stored, (rows, c).
        """
        x, y = self._chunks[number]
        self._pages.was_read(x, y)
        if self.terms_of_rows:
            terms = self.terms_of_rows.of(slice(number * self.chunk_rows, (number + 1) * self.chunk_rows))
            self._pages.was_read(*(part for part in terms.parts if part is not None))
            y = terms.beside(y)
        # Not waited for: memory of the host that can be swapped out is read before the call returns.
        return x.to(self.device, non_blocking=True), y

    def pieces(self, *parts: Tensor, most: int | None = None) -> Iterator[tuple[Tensor, ...]]:
        """Row-aligned parts of a chunk, at most `most` rows at a time, by default `piece_rows`: views."""
        most = most or self.piece_rows
        if len(parts[0]) <= most:
            yield parts
        else:
            yield from zip(*(part.split(most) for part in parts), strict=True)

    def chunks(self, dtype: torch.dtype) -> Iterator[tuple[Tensor, Tensor]]:
        """Features, in a floating type, and targets: chunk by chunk, where they have to be copied piece by piece."""
        for number in range(self.num_chunks):
            chunk = self.chunk(number)
            if chunk[0].dtype == dtype:
                yield chunk
            else:
                yield from ((x.to(dtype), y) for x, y in self.pieces(*chunk))

    def all_pieces(self, most: int | None = None) -> Iterator[tuple[Tensor, ...]]:
        """Features, as they are, and targets, piece by piece, see `pieces`."""
        for number in range(self.num_chunks):
            yield from self.pieces(*self.chunk(number), most=most)

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
