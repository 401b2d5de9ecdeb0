"""A loss or gradient that is nan or infinite ends the run: nothing can be learnt from it any more."""

import math

import torch
from torch import Tensor


class NonFiniteLossError(ArithmeticError):
    """The loss or its gradient became nan or infinite."""


def refuse_non_finite(value: Tensor, gradient: Tensor, step: int) -> None:
    """Look at the loss () and its gradient (p,) after so many steps; the host waits for them.

    Raises:
        NonFiniteLossError: either is not finite.
    """
    if math.isfinite(value + gradient.sum()):
        return  # so is every term, and a sum costs a tenth of looking at each
    if not bool(torch.isfinite(value)) or not bool(torch.isfinite(gradient).all()):
        raise NonFiniteLossError(
            f"the loss is {value.item():g} at step {step}: the steps are too long for this problem; "
            "lower --model.optimizer.lr, scale the features, or use damping='adaptive'"
        )
