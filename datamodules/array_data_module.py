"""Rows that a program has at hand."""

from typing import Any, ClassVar, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from datamodules.serving.option_types import check_names
from datamodules.tables.column_rules import MOST_INTEGER_CLASSES, Task
from datamodules.tables.table import Table
from datamodules.tables.table_data_module import TableDataModule


class ArrayDataModule(TableDataModule):
    """Features and targets from arrays, tensors, data frames or lists, for use from Python.

    Args:
        x: features (n, d), numbers.
        y: targets (n,) or (n, K): classes of any name, or real numbers.
        feature_names: d names; None = the columns of a data frame, else x0, x1, ….
        task: "classification", "regression", or "auto": texts, true/false and integers with at most 20 different values are
            classes, other numbers are not.
        batch_size: rows of one step, over all processes together; None = full batch.
        val_fraction: share of all rows for validation, in [0, 1); 0 = no validation.
        test_fraction: share of all rows for the test, in [0, 1); 0 = no test.
        seed: of the split and of the order of mini-batches.
        standardize: whether to scale the features.
        folds, fold: as in `TableDataModule`.

    Raises:
        ValueError: x and y that are no table together, an unknown task, names that are not d.
    """

    unsaved: ClassVar[tuple[str, ...]] = ("x", "y")

    def __init__(
        self,
        x: ArrayLike,
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
    ) -> None:
        super().__init__(None, batch_size, val_fraction, test_fraction, seed, standardize, folds, fold)
        check_names("feature_names", feature_names)
        if task not in get_args(Task):
            raise ValueError(f"task={task!r}: choose among {', '.join(get_args(Task))}")
        try:
            features, targets = np.asarray(x, np.float64), np.asarray(y)
        except (ValueError, TypeError) as error:
            raise ValueError(f"x: give rows of numbers ({error}); TabularDataModule takes texts as well") from error
        if features.ndim != 2 or targets.ndim not in (1, 2) or len(targets) != len(features):
            raise ValueError(
                f"x of shape {features.shape} and y of shape {targets.shape}: give features (n, d) and targets (n,) or (n, K)"
            )
        default = getattr(x, "columns", [f"x{j}" for j in range(features.shape[1])])
        names = tuple(map(str, default if feature_names is None else feature_names))
        if len(names) != features.shape[1] or len(set(names)) < len(names):
            raise ValueError(f"feature_names={list(names)}: give {features.shape[1]} different names")
        labels, class_names = _targets(targets, task)
        self._table = Table(features, labels, names, class_names)

    def load(self) -> Table:
        return self._table


def _targets(y: NDArray[Any], task: Task) -> tuple[NDArray[np.int64] | NDArray[np.float64], tuple[str, ...] | None]:
    """Labels (n,) and names of the classes, or real targets (n, K) and None."""
    numeric = y.dtype.kind in "iuf"
    if task == "auto":
        few = y.dtype.kind in "iu" and y[:1].size == 1 and len(np.unique(y)) <= MOST_INTEGER_CLASSES
        task = "classification" if few or not numeric else "regression"
    if task == "regression":
        if not numeric:
            raise ValueError(f"y is of type {y.dtype}, not numbers: use task='classification'")
        return y.reshape(len(y), -1).astype(np.float64), None
    if y.size != len(y):
        raise ValueError(f"y of shape {y.shape}: a class is one label a row, (n,)")
    classes, labels = np.unique(y.reshape(-1), return_inverse=True)
    return labels.astype(np.int64), tuple(map(str, classes))
