"""Weights as scikit-learn's scaling takes them: numbers of rows."""

from typing import Any

import numpy as np


def row_count_exponent(weights: Any) -> int:
    """k such that weights (n,) times 2^k are at most 1, which changes no mean and no deviation.

    Scaling takes the sum of the weights for the number of rows when it asks whether a column is constant but for rounding: with
    weights of 1e12 every column would seem so.
    """
    return -int(np.frexp(np.max(weights))[1]) if len(weights) else 0
