"""Columns as they are stored where written out they would take much memory: codes of a frame's categories, sparse rows."""

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from lightning_modules.objectives import CodedColumns

# Of fewer numbers, 8 MB of them, sums over written-out columns are as quick.
FEWEST_NUMBERS = 2**20


class Stored(NamedTuple):
    """What a model's rows are read from.

    Attributes:
        rows: X (n, d) itself, or what is stored of it (n, c).
        columns: what is stored; None = X itself.
    """

    rows: NDArray[np.float64]
    columns: CodedColumns | None = None


def stored_codes(
    numbers: NDArray[np.float64],
    places: list[int],
    codes: list[NDArray[np.int64]],
    firsts: list[int],
    widths: list[int],
) -> Stored:
    """Numbers (n, q), features at these places, and codes (n,): 0 is the reference, l the l-th of its features.

    Args:
        numbers, places: of the numbers.
        codes: of the categories.
        firsts, widths: where their features begin, and how many these are.
    """
    d = len(places) + sum(widths)
    columns = CodedColumns(d, tuple(places), tuple(widths), tuple(firsts), *_unscaled(d))
    return Stored(np.column_stack([numbers, *codes]), columns)


def stored_sparse(matrix: Any) -> Stored:
    """A matrix (n, d) of SciPy in compressed rows; written out where that takes less memory.

    Columns with more than half of their numbers other than 0 are numbers. Of the others each row has so many slots, and rows
    that need more are written out beside, that memory is least.
    """
    matrix = matrix.copy()  # it is the user's
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    n, d = matrix.shape
    filled = np.bincount(matrix.indices, minlength=d)
    numbers, others = np.flatnonzero(2 * filled > n), np.flatnonzero(2 * filled <= n)
    rest = matrix[:, others]
    lengths = np.diff(rest.indptr)
    q, slots = len(numbers), best_slots(lengths, d)
    is_long = lengths > slots
    if n * d < FEWEST_NUMBERS or q + 2 * slots + d * is_long.mean() >= d:
        return Stored(matrix.toarray())
    rows = np.zeros((n, q + 2 * slots + is_long.any()))
    rows[:, :q] = matrix[:, numbers].toarray()
    row, slot = np.repeat(np.arange(n), lengths), np.arange(rest.nnz) - np.repeat(rest.indptr[:-1], lengths)
    kept = ~is_long[row]
    rows[row[kept], q + slot[kept]] = others[rest.indices[kept]] + 1
    rows[row[kept], q + slots + slot[kept]] = rest.data[kept]
    long_rows = None
    if is_long.any():
        rows[is_long, -1] = np.arange(1, is_long.sum() + 1)
        long_rows = torch.zeros(int(is_long.sum()), d, dtype=torch.float64)
        long_rows[:, others] = torch.from_numpy(rest[is_long].toarray())
    return Stored(rows, CodedColumns(d, tuple(numbers.tolist()), (), (), *_unscaled(d), slots, long_rows))


def best_slots(lengths: NDArray[np.integer[Any]], d: int) -> int:
    """m ≥ 1 for rows of so many numbers (n,), of d features: of n·2m + d·(rows with more than m) numbers the fewest."""
    counts = np.bincount(lengths, minlength=2)
    longer = counts.sum() - counts.cumsum()  # than each m
    return 1 + int((2 * np.arange(1, len(counts)) * len(lengths) + d * longer[1:]).argmin())


def _unscaled(d: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.zeros(d, dtype=torch.float64), torch.ones(d, dtype=torch.float64)
