"""Predictions that are numbers: nan names no class."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datamodules.serving.preprocessing import Preprocessing


def refuse_not_finite_predictions(
    path: Path, predictions: NDArray[np.floating], features: NDArray[np.float64], preprocessing: Preprocessing, first: int
) -> None:
    """Refuse rows that the model makes nan or an infinity of, or that are infinite in its precision, whatever it makes of that.

    Args:
        path: of the rows' file.
        predictions: of some rows, (m, C) or (m, K), in the model's precision.
        features: of the same rows, unscaled (m, d).
        preprocessing: names and scaling of the features.
        first: how many rows of the file come before them.

    Raises:
        ValueError: names the first such row, and its feature that is farthest from the training rows.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = preprocessing.scaled(features)
        is_finite = np.isfinite(predictions).all(1) & np.isfinite(scaled.astype(predictions.dtype)).all(1)
    if not is_finite.all():
        row = int(np.argmin(is_finite))
        farthest = int(np.argmax(np.nan_to_num(np.abs(scaled[row]), nan=np.inf, posinf=np.inf)))
        raise ValueError(
            f"{path}: no finite number comes out for row {first + row + 1}: its {preprocessing.input_names[farthest]!r} is "
            f"{features[row, farthest]:g}, where the training rows have {preprocessing.shift[farthest]:g} on average, with a "
            f"standard deviation of {preprocessing.scale[farthest]:g}; correct it, or leave out that row"
        )
