"""What a user is told where numbers run out before a fit has begun."""

import numpy as np
from torch import Tensor

from lightning_modules.estimators.rows import Rows

# Beyond it in absolute terms an exponential is a number that only offsets in a wrong unit have.
LARGEST_OFFSET = 300.0
LARGEST = 1e100


def non_finite_message(rows: Rows, targets: Tensor, has_units: bool) -> str:
    """One line with cause and remedy.

    Args:
        rows: of the fit.
        targets: y, in any form.
        has_units: whether they are amounts, and not labels.
    """
    said = "the loss of the first predictions is not finite"
    if rows.offset is not None and float(np.abs(rows.offset).max()) > LARGEST_OFFSET:
        low, high = float(rows.offset.min()), float(rows.offset.max())
        return (
            f"{said}: offsets run from {low:g} to {high:g}, and are added to the linear predictor; for a logarithmic link they "
            "are the logarithm of the exposure"
        )
    largest = float(targets.abs().max()) if has_units else 0.0
    if largest > LARGEST or largest > float(np.abs(rows.columns).max()):
        return f"{said}: targets are as large as {largest:g}; give them in a larger unit"
    return f"{said}: features are as large as {float(np.abs(rows.columns).max()):g}; give them in a larger unit, or scale them"
