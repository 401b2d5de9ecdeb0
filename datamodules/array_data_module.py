"""Rows that a program has at hand."""

from typing import Any, ClassVar, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from datamodules.array_cells import missing_cells, plain_array
from datamodules.array_given import numbers_of_rows
from datamodules.array_targets import targets_of
from datamodules.columns.rules import Task
from datamodules.messages.option_types import check_names
from datamodules.messages.split_options import ClassWeight
from datamodules.tables.sparse_rows import is_sparse, stored_rows
from datamodules.tables.table import Table
from datamodules.tables.table_data_module import TableDataModule


class ArrayDataModule(TableDataModule):
    """Features and targets from arrays, tensors, data frames or lists, for use from Python.

    Args:
        x: features (n, d), numbers; or a sparse matrix of SciPy, which stays sparse for linear models and networks: its
            features are scaled but, where most of their values are 0, not centred.
        y: targets (n,) or (n, K): classes of any name, or real numbers.
        feature_names: d names; None = the columns of a data frame, else x0, x1, ….
        task: "classification", "regression", or "auto": texts, true/false and integers with at most 20 different values are
            classes, other numbers are not.
        batch_size: rows of one step, over all processes together; None = full batch.
        val_fraction: share of all rows for validation, in [0, 1); 0 = no validation.
        test_fraction: share of all rows for the test, in [0, 1); 0 = no test.
        seed: of the split and of the order of mini-batches.
        standardize: whether to scale the features, of which none may be constant then.
        folds, fold, class_weight: as in `TableDataModule`.
        weights: how many times each row counts (n,), in the loss, the scaling and the metrics: numbers ≥ 0, of which 2 is two
            equal rows; those of weight 0 are left out.
        offset: what is added to the linear predictor of each row (n,), for models that take an offset: of counts over an
            exposure its logarithm.

    Raises:
        ValueError: x and y that are no table together, an unknown task, names that are not d; labels that are missing (None,
            NaN, NA or masked), of several kinds, or neither number nor text; weights or an offset that are not one such number
            a row. Missing cells of x are refused with the table.
    """

    unsaved: ClassVar[tuple[str, ...]] = ("x", "y", "weights", "offset")

    def __init__(
        self,
        x: ArrayLike | Any,
        y: ArrayLike,
        feature_names: list[str] | None = None,
        task: Task = "auto",
        batch_size: int | None = None,
        val_fraction: float = 0.2,
        test_fraction: float = 0.2,
        seed: int = 0,
        standardize: bool = True,
        folds: int | None = None,
        fold: int = 0,
        class_weight: ClassWeight | None = None,
        weights: ArrayLike | None = None,
        offset: ArrayLike | None = None,
    ) -> None:
        super().__init__(None, batch_size, val_fraction, test_fraction, seed, standardize, folds, fold, class_weight)
        check_names("feature_names", feature_names)
        if task not in get_args(Task):
            raise ValueError(f"task={task!r}: choose among {', '.join(get_args(Task))}")
        coding = None
        if is_sparse(x):
            features, coding = stored_rows(x, feature_names, standardize)
        else:
            features = _features(x)
        try:
            targets = plain_array(y)
        except (ValueError, TypeError) as error:
            raise ValueError(f"y: give one label a row, or K numbers ({error})") from error
        if features.ndim != 2 or targets.ndim not in (1, 2) or len(targets) != len(features):
            raise ValueError(
                f"x of shape {features.shape} and y of shape {targets.shape}: give features (n, d) and targets (n,) or (n, K)"
            )
        d = features.shape[-1] if coding is None else coding.num_features
        default = getattr(x, "columns", [f"x{j}" for j in range(d)])
        names = tuple(map(str, default if feature_names is None else feature_names))
        if len(names) != d or len(set(names)) < len(names):
            raise ValueError(f"feature_names={list(names)}: give {d} different names")
        by, added = (numbers_of_rows(name, given, len(features)) for name, given in (("weights", weights), ("offset", offset)))
        if by is not None and not by.all():
            counts = by != 0
            features, targets, by, added = (
                features[counts],
                targets[counts],
                by[counts],
                added if added is None else added[counts],
            )
        labels, class_names = targets_of(targets, task)
        self._table = Table(features, labels, names, class_names, weights=by, offset=added, coded=coding)

    def load(self) -> Table:
        return self._table


def _features(x: Any) -> NDArray[np.float64]:
    """As real numbers; what is missing, or masked, is not a number, which the table then refuses with its column."""
    try:
        array = plain_array(x)
        held = np.ma.getdata(array)
        if held.dtype.kind in "cmMV":
            raise ValueError(f"they are {held.dtype}")
        if held.dtype.kind == "O":
            held = np.where(missing_cells(array), np.nan, held)
        features = held.astype(np.float64, copy=False)
    except (ValueError, TypeError) as error:
        raise ValueError(f"x: give rows of numbers ({error}); TabularDataModule takes texts as well") from error
    return np.where(np.ma.getmaskarray(array), np.nan, features) if isinstance(array, np.ma.MaskedArray) else features
