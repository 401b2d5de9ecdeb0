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
        where = "the loss" if not bool(torch.isfinite(value)) else "the largest entry of the gradient"
        number = value if where == "the loss" else gradient.abs().max()
        if step == 0:
            raise NonFiniteLossError(f"{where} is {number.item():g} at the start: choose another start, or scale the features")
        raise NonFiniteLossError(
            f"{where} is {number.item():g} at step {step}: the steps are too long for this problem; "
            "lower lr, scale the features, or use damping='adaptive'"
        )
