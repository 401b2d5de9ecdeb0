"""What a program calls an array, as numpy's, with the cells that hold nothing."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray


def plain_array(values: Any) -> NDArray[Any]:
    """Arrays, tensors, data frames or lists as one array; a masked one stays masked.

    Raises:
        ValueError: rows of different lengths.
    """
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu()  # numpy takes no others, and has no bfloat16
        return np.asarray(values.float() if values.dtype == torch.bfloat16 else values)
    if isinstance(values, (list, tuple)) and any(isinstance(row, np.ma.MaskedArray) for row in values):
        return np.ma.asarray(values)
    array = np.asanyarray(values)
    if array.dtype.kind == "T" or (array.dtype.kind in "SU" and not hasattr(values, "dtype")):
        return np.asanyarray(values, object)  # from a list numpy writes all cells as text, None and nan as well
    return array


def missing_cells(array: NDArray[Any]) -> NDArray[np.bool_]:
    """Which cells are masked, None, not a number, or what pandas calls NA or NaT; of the shape of the array."""
    masked, held = np.ma.getmaskarray(array), np.ma.getdata(array)
    if held.dtype.kind in "fc":
        return masked | np.isnan(held)
    if held.dtype.kind in "mM":
        return masked | np.isnat(held)
    if held.dtype.kind == "O":
        return masked | np.fromiter(map(_is_missing, held.flat), bool, held.size).reshape(held.shape)
    return masked


def _is_missing(cell: Any) -> bool:
    try:
        return cell is None or cell is np.ma.masked or bool(cell != cell)  # noqa: PLR0124 – as NaN and NaT are
    except TypeError:  # pandas.NA: whether it equals itself is not known
        return True
    except ValueError:  # an array
        return False
