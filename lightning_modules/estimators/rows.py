"""The rows of a fit as scikit-learn's users give them, checked: arrays of numbers, the targets, weights and offsets."""

import warnings
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.utils import _safe_indexing, check_array, check_consistent_length, check_X_y
from sklearn.utils.validation import _check_sample_weight, _num_samples, validate_data
from torch import Tensor

from lightning_modules.estimators.design import Design, as_pandas, is_frame
from lightning_modules.estimators.stored import Stored, stored_sparse
from lightning_modules.objectives import CodedColumns


class Rows(NamedTuple):
    """What is fitted.

    Attributes:
        columns: X (n, d), or what is stored of it (n, c).
        targets: y (n,) or (n, K).
        weights: (n,), all above 0; None = 1 for each.
        offset: (n,) or (n, K); None = 0.
        design: how a frame's texts and categories became numbers; None where there are none.
        stored_as: what is stored; None = X itself.
    """

    columns: NDArray[np.float64]
    targets: NDArray[Any]
    weights: NDArray[np.float64] | None
    offset: NDArray[np.float64] | None
    design: Design | None
    stored_as: CodedColumns | None = None


def read_rows(estimator: BaseEstimator, X: Any, y: Any, sample_weight: Any, offset: Any, **checks: Any) -> Rows:
    """Check the rows of a fit, and note the names of the features on the estimator; a row of weight 0 is a missing row.

    Args:
        estimator: whose fit it is.
        X: an array, a list, a tensor, a frame or a sparse matrix.
        y: targets.
        sample_weight: of the rows, ≥ 0; None = 1 for each.
        offset: added to the rows' linear predictors; None = 0.
        checks: of the targets, as `sklearn.utils.check_X_y` takes them.

    Raises:
        ValueError: whatever scikit-learn refuses, such as NaN, no row, or arrays of different length; no weight above 0.
    """
    X, weights = as_pandas(X), None
    offset = None if offset is None else read_offset(offset, X)
    if sample_weight is not None:
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        if not weights.any():
            raise ValueError("sample_weight is zero for every row: give at least one row a weight above 0")
        if y is not None and not weights.all():
            check_consistent_length(X, y)
            X, y, weights, offset = _without(weights == 0, X, y, weights, offset)
    if is_frame(X) and not X.columns.is_unique:
        twice = sorted({str(name) for name in X.columns[X.columns.duplicated()]})
        raise ValueError(f"several columns are called {', '.join(map(repr, twice))}: rename them, or leave all but one out")
    design = Design.learn(X, weights) if is_frame(X) else None
    if design is None:
        X, y = validate_data(estimator, X, y, dtype=np.float64, order="C", accept_sparse="csr", **checks)
        columns, stored_as = stored_sparse(X) if issparse(X) else Stored(X)
    else:
        validate_data(estimator, X, y, skip_check_array=True)
        columns, stored_as = design.stored(X)
        columns, y = check_X_y(columns, y, dtype=np.float64, estimator=estimator, **checks)
    return Rows(columns, y, weights, offset, design, stored_as)


def read_offset(offset: Any, X: Any) -> NDArray[np.float64]:
    """Finite numbers, one row for each of X: (n,) or (n, K); one number is that for every row.

    Raises:
        ValueError: they are not.
    """
    if np.ndim(offset) == 0:
        offset = np.full(_num_samples(X), offset, np.float64)
    found = check_array(offset, ensure_2d=False, dtype=np.float64, input_name="offset")
    check_consistent_length(X, found)
    return found


def reweighted(rows: Rows, factors: NDArray[np.float64]) -> Rows:
    """Every row's weight times a factor (n,); rows of which nothing is left are dropped."""
    weights = factors if rows.weights is None else rows.weights * factors
    if weights.all():
        return rows._replace(weights=weights)
    columns, targets, weights, offset = _without(weights == 0, rows.columns, rows.targets, weights, rows.offset)
    return Rows(columns, targets, weights, offset, rows.design, rows.stored_as)


def owned(rows: Rows) -> Rows:
    """Copies, which stay as they are whatever becomes of the user's arrays; targets are copied by who makes numbers of them."""
    weights, offset = (None if part is None else part.copy() for part in (rows.weights, rows.offset))
    return Rows(rows.columns.copy(), rows.targets, weights, offset, rows.design, rows.stored_as)


def tensor_of(array: NDArray[Any]) -> Tensor:
    """The same memory as a tensor, also where it may not be written to: it never is."""
    with warnings.catch_warnings():
        if not array.flags.writeable:
            warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(array)


def _without(dropped: NDArray[np.bool_], *parts: Any) -> list[Any]:
    kept = np.flatnonzero(~dropped)
    return [None if part is None else _safe_indexing(part, kept) for part in parts]
