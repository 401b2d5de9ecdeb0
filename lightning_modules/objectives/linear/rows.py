"""Rows of features and targets, and what is known of the columns of features in whatever unit they are."""

import math
from collections.abc import Iterator
from functools import cached_property

import torch
from torch import Tensor

from lightning_modules.objectives.columns import extended
from lightning_modules.objectives.every_kth import every_kth
from lightning_modules.objectives.linear.row_chunks import RowChunks
from lightning_modules.objectives.linear.triangle import triangle
from lightning_modules.objectives.reduction import of_each_process

# Powers of two that float64 has, and their inverses.
MOST_EXPONENT = 1000


class Rows(RowChunks):
    """The rows of a table that this process holds, with the second moments of all processes' columns."""

    def every_kth(self, k: int) -> "Rows":
        """Every k-th of all rows, see `every_kth.py`: a view, not a copy, which would take memory and save no time."""
        own, counts = every_kth(self.counts, self.reduction.rank, k)
        return Rows(
            self.features[own],
            self.targets[own],
            self.reduction,
            num_outputs=self.num_outputs,
            counts=counts,
            terms=self.terms_of_rows.of(own),
            has_constant=self.has_constant,
            columns=self.columns,
        )

    def of(self, rows: Tensor | slice = slice(None), columns: Tensor | slice = slice(None)) -> "Rows":
        """Some of this process's rows, or some of the features in float64, given by their places: copied."""
        if isinstance(columns, slice):
            x, stored_as = self.features[rows], self.columns
        elif self.columns.are_written_out:
            x, stored_as = self.features[:, columns].double(), None
        else:
            parts = [self.columns.expanded(part.double())[:, columns] for part in self.features.split(self.piece_rows)]
            x, stored_as = torch.cat([self.features.new_empty(0, len(columns), dtype=torch.float64), *parts]), None
        return Rows(
            x,
            self.targets[rows],
            self.reduction,
            num_outputs=self.num_outputs,
            terms=self.terms_of_rows.of(rows),
            has_constant=self.has_constant,
            columns=stored_as,
        )

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
            largest[: self.num_features] = torch.maximum(largest[: self.num_features], self.columns.largest(x))
        largest = of_each_process(largest, self.reduction).amax(0)
        return torch.exp2(-torch.frexp(largest).exponent.double().clamp(-MOST_EXPONENT, MOST_EXPONENT))

    def extended(self, x: Tensor) -> Tensor:
        """Rows x (m, d) -> s · (x, 1), in float64: (m, d + 1); with columns, written out."""
        return extended(self.columns.expanded(x.double()), self.scale)

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
        if self.columns.are_written_out:
            for rows in self.extended_chunks():
                total.addmm_(rows.T, rows)
            return self.reduction(total)
        d = self.num_features
        for stored, _ in self.all_pieces(self.wide_rows):
            x, ones = stored.double(), self.scale.new_ones(len(stored), 1)
            self.columns.add_gram(total[:d, :d], ones[:, 0], x)
            self.columns.add_transposed(total[d:, :d], ones.expand(-1, size - d), x)
            total[d:, d:] += len(x)
        total[:d, d:] = total[d:, :d].T
        return self.reduction(total * self.scale[:, None] * self.scale)

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
