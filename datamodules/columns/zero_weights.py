"""Rows of weight 0: they are taken out before anything is learnt from a table, whatever stands in them."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from datamodules.columns.arrow_types import is_number, is_text
from datamodules.columns.number_text import NOTATIONS, read_number


def are_zero(weights: pa.ChunkedArray) -> NDArray[np.bool_]:
    """Which cells are the number 0, in either notation of numbers: (m,)."""
    if is_number(weights.type):
        return pc.cast(weights, pa.float64(), safe=False).to_numpy() == 0
    if not is_text(weights.type):
        return np.zeros(len(weights), bool)
    texts = pc.utf8_trim_whitespace(weights)
    zeros = [text for text in pc.unique(texts).to_pylist() if text is not None and _is_zero(text)]
    return pc.is_in(texts, pa.array(zeros, texts.type)).to_numpy()


def without_zero_weights(piece: pa.Table, name: str) -> pa.Table:
    """The rows, of which those of weight 0 hold nothing but that weight: places of rows stay what they are in the file."""
    is_zero = are_zero(piece[name])
    if not is_zero.any():
        return piece
    emptied = piece.take(pa.array(np.arange(len(piece)), mask=is_zero))
    return emptied.set_column(piece.column_names.index(name), piece.schema.field(name), piece[name])


def _is_zero(text: str) -> bool:
    return any(read_number(text, decimal) == 0 for decimal in NOTATIONS)
