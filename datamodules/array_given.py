"""Weights and offset of rows that a program has at hand."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.array_cells import missing_cells, plain_array
from datamodules.columns.given import WANTED, bad_cell
from datamodules.messages import counted


def numbers_of_rows(option: str, values: Any, rows: int) -> NDArray[np.float64] | None:
    """One number for each row (n,), as the option wants it; None where there is none.

    Args:
        option: "weights" or "offset".
        values: an array, tensor, column of a data frame or list.
        rows: n.

    Raises:
        ValueError: not (n,); a cell that is missing or no such number; weights that are all 0.
    """
    if values is None:
        return None
    try:
        array = plain_array(values)
        if array.dtype.kind in "bcmMSUV":
            raise ValueError(f"they are {array.dtype}")
        numbers = np.where(missing_cells(array), np.nan, np.ma.getdata(array)).astype(np.float64)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{option}: give one number a row ({' '.join(str(error).split())})") from error
    if numbers.shape not in ((rows,), (rows, 1)):
        raise ValueError(
            f"{option} of shape {numbers.shape}: give one number for "
            f"{'the row' if rows == 1 else f'each of the {rows} rows'}, ({rows},)"
        )
    numbers = numbers.reshape(-1)
    row = int(np.isnan(numbers).argmax()) if np.isnan(numbers).any() else bad_cell(option, numbers)
    if row is not None:
        held = "missing" if np.isnan(numbers[row]) else f"{numbers[row]:g}"
        raise ValueError(f"{option}[{row}] is {held}, and every row needs {WANTED[option]}: correct it, or leave out that row")
    if option == "weights" and rows and not numbers.any():
        raise ValueError(f"weights are 0 in all {counted(rows)}, so that none of them counts: give other weights")
    return numbers
