"""Sparse matrices of SciPy as rows of a table: the places and values of what is not 0."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.columns.coding import Coding
from datamodules.tables.table import refuse_constant, refuse_not_finite


def is_sparse(x: Any) -> bool:
    """Whether it is a sparse matrix or array of SciPy."""
    return hasattr(x, "tocsr") and hasattr(x, "nnz")


def stored_rows(x: Any, feature_names: Sequence[str] | None, standardize: bool) -> tuple[NDArray[np.float64], Coding | None]:
    """Rows as they are stored (n, c), and how; written out (n, d), and None, where that takes less memory.

    Features that are not 0 in more than half of the rows are numbers. Of the others each row has so many slots, and rows that
    need more are written out beside, that memory is least. Numbers that are given twice at the same place are added up, as
    SciPy does.

    Args:
        x: a matrix (n, d) of SciPy.
        feature_names: d names, for what is refused; None = x0, x1, ….
        standardize: whether the features are scaled, which those that are 0 throughout cannot be.

    Raises:
        ValueError: complex numbers, values that are missing or infinite, features that are 0 throughout if they are scaled.
    """
    if x.ndim != 2 or np.dtype(x.dtype).kind not in "biuf":
        raise ValueError(f"x: a sparse {x.dtype} of shape {x.shape}; give a matrix (n, d) of real numbers")
    names = [f"x{j}" for j in range(x.shape[1])] if feature_names is None else feature_names
    rows = x.tocsr().astype(np.float64, copy=True)
    rows.sum_duplicates()
    n, d = rows.shape
    bad = ~np.isfinite(rows.data)
    if bad.any():
        lengths = np.diff(rows.indptr)
        where = np.repeat(np.arange(n), lengths)[bad]
        refuse_not_finite(np.bincount(rows.indices[bad], minlength=d), len(np.unique(where)), names)
    rows.eliminate_zeros()
    filled = np.bincount(rows.indices, minlength=d)
    if n and standardize:
        refuse_constant(np.flatnonzero(filled == 0).tolist(), names, "")
    numbers, others = np.flatnonzero(2 * filled > n), np.flatnonzero(2 * filled <= n)
    rest = rows[:, others]
    lengths = np.diff(rest.indptr)
    slots, q = _best_slots(lengths, d), len(numbers)
    is_long = lengths > slots
    if q + 2 * slots + d * is_long.mean() >= d:
        return rows.toarray(), None
    stored = np.zeros((n, q + 2 * slots + is_long.any()))
    stored[:, :q] = rows[:, numbers].toarray()
    row = np.repeat(np.arange(n), lengths)
    slot, kept = q + np.arange(len(row)) - rest.indptr[:-1].repeat(lengths), ~is_long[row]
    stored[row[kept], slot[kept]] = others[rest.indices[kept]] + 1
    stored[row[kept], slot[kept] + slots] = rest.data[kept]
    long_rows = None
    if is_long.any():
        stored[is_long, -1] = np.arange(1, is_long.sum() + 1)
        long_rows = np.zeros((int(is_long.sum()), d))
        long_rows[:, others] = rest[is_long].toarray()
    return stored, Coding(tuple(numbers.tolist()), slots=slots, num_sparse=len(others), long_rows=long_rows)


def _best_slots(lengths: NDArray[Any], d: int) -> int:
    """m ≥ 1 for rows of so many numbers (n,), of d features: of n·2m + d·(rows with more than m) numbers the fewest."""
    counts = np.bincount(lengths, minlength=2)
    longer = counts.sum() - counts.cumsum()  # than each m
    return 1 + int((2 * np.arange(1, len(counts)) * len(lengths) + d * longer[1:]).argmin())
