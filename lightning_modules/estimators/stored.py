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

    Columns with more than half of their numbers other than 0 are numbers. Of the others each row has as many slots as the
    longest one needs.
    """
    matrix = matrix.copy()  # it is the user's
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    n, d = matrix.shape
    filled = np.bincount(matrix.indices, minlength=d)
    numbers, others = np.flatnonzero(2 * filled > n), np.flatnonzero(2 * filled <= n)
    rest = matrix[:, others]
    lengths = np.diff(rest.indptr)
    q, slots = len(numbers), int(lengths.max(initial=0))
    if n * d < FEWEST_NUMBERS or q + 2 * slots >= d:
        return Stored(matrix.toarray())
    rows = np.zeros((n, q + 2 * slots))
    rows[:, :q] = matrix[:, numbers].toarray()
    row, slot = np.repeat(np.arange(n), lengths), np.arange(rest.nnz) - np.repeat(rest.indptr[:-1], lengths)
    rows[row, q + slot] = others[rest.indices] + 1
    rows[row, q + slots + slot] = rest.data
    return Stored(rows, CodedColumns(d, tuple(numbers.tolist()), (), (), *_unscaled(d), slots))


def _unscaled(d: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.zeros(d, dtype=torch.float64), torch.ones(d, dtype=torch.float64)
