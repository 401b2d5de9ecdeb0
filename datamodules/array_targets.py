"""Labels or real targets that a program has at hand; what is neither is refused with its place."""

from decimal import Decimal
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.array_cells import missing_cells
from datamodules.columns.rules import Task
from datamodules.columns.target import MOST_INTEGER_CLASSES

Targets = tuple[NDArray[np.int64] | NDArray[np.float64], tuple[str, ...] | None]
TEXT, TRUTH, NUMBER = "text", "true/false", "number"


def targets_of(y: NDArray[Any], task: Task) -> Targets:
    """Labels (n,) and names of the classes, or real targets (n, K) and None.

    Args:
        y: (n,) or (n, K).
        task: as `ArrayDataModule` has it.

    Raises:
        ValueError: missing cells; cells that are neither numbers nor texts, or some of both; several labels a row; classes
            where numbers are asked for.
    """
    _refuse_missing(y)
    y = _of_one_kind(np.ma.getdata(y))
    numeric = y.dtype.kind in "iuf"
    if task == "auto":
        few = y.dtype.kind in "iu" and y[:1].size == 1 and len(np.unique(y)) <= MOST_INTEGER_CLASSES
        task = "classification" if few or not numeric else "regression"
    if task == "regression":
        if not numeric:
            kind = TRUTH if y.dtype.kind == "b" else TEXT
            raise ValueError(f"y is {kind}, not numbers: use task='classification'")
        return y[:, None].astype(np.float64) if y.ndim == 1 else y.astype(np.float64), None
    if y.size != len(y):
        raise ValueError(f"y of shape {y.shape}: a class is one label a row, (n,)")
    classes, labels = np.unique(y.reshape(-1), return_inverse=True)
    return labels.astype(np.int64), tuple(map(str, classes))


def _refuse_missing(y: NDArray[Any]) -> None:
    rows = np.unique(np.nonzero(missing_cells(y))[0])
    if len(rows):
        raise ValueError(f"y has missing labels in {len(rows)} of {len(y)} rows, the first is y[{rows[0]}]: drop those rows")


def _of_one_kind(y: NDArray[Any]) -> NDArray[Any]:
    """The cells as numbers, as true/false or as texts, all of them."""
    if y.dtype.kind in "biufU":
        return y
    if y.dtype.kind != "O":
        raise ValueError(f"y is of type {y.dtype}, neither number nor text: convert it")
    cells = list(y.flat)
    kinds = [_kind(cell) for cell in cells]
    if None in kinds:
        first = kinds.index(None)
        raise ValueError(
            f"y holds {type(cells[first]).__name__}, neither number nor text, first in {_place(y, first)}: convert it"
        )
    if TEXT in kinds and len(set(kinds)) > 1:
        first = next(number for number, kind in enumerate(kinds) if kind != kinds[0])
        raise ValueError(
            f"y mixes {kinds[0]} and {kinds[first]}: {_place(y, 0)} is {cells[0]!r}, {_place(y, first)} is {cells[first]!r}; "
            "make all labels texts, or all numbers"
        )
    if TEXT in kinds:
        return y
    if set(kinds) == {TRUTH}:
        return y.astype(bool)
    # True and False among numbers are 1 and 0, as in numpy. Whole numbers beyond 64 bits are real numbers.
    is_whole = all(isinstance(cell, (Integral, np.bool_)) and abs(int(cell)) < 2**63 for cell in cells)
    return y.astype(np.int64 if is_whole else np.float64)


def _kind(cell: Any) -> str | None:
    if isinstance(cell, str):
        return TEXT
    if isinstance(cell, (bool, np.bool_)):
        return TRUTH
    return NUMBER if isinstance(cell, (Real, Decimal)) else None


def _place(y: NDArray[Any], cell: int) -> str:
    return f"y[{', '.join(map(str, np.unravel_index(cell, y.shape)))}]"
