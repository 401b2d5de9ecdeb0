"""A loss or gradient that is nan or infinite ends the run: nothing can be learnt from it any more."""

import math
from typing import SupportsFloat

import torch
from torch import Tensor


class NonFiniteLossError(ArithmeticError):
    """The loss or its gradient became nan or infinite."""


def refuse_non_finite(
    value: Tensor,
    gradient: list[Tensor],
    step: int,
    has_damping: bool = True,
    total: SupportsFloat | None = None,
    what: str = "the loss",
) -> None:
    """Look at the loss () and at the parts of its gradient after so many steps; the host waits for them.

    `has_damping`: whether the method is one of this project's, to which its advice belongs. `total`: the sum of all of it,
    where that has been asked for already. `what`: the value is, in words.

    Raises:
        NonFiniteLossError: either is not finite.
    """
    if math.isfinite(sum((part.sum() for part in gradient), start=value) if total is None else total):
        return  # so is every term, and a sum costs a tenth of looking at each
    if not bool(torch.isfinite(value)):
        where, number = what, value
    elif all(bool(torch.isfinite(part).all()) for part in gradient):
        return
    else:
        where, number = "the largest entry of the gradient", torch.stack([part.abs().max() for part in gradient]).max()
    if step == 0:
        raise NonFiniteLossError(
            f"{where} is {number.item():g} at the start: scale features, targets or offset, or choose another start"
        )
    raise NonFiniteLossError(
        f"{where} is {number.item():g} at step {step}: the steps are too long for this problem; "
        + ("lower lr, scale the features, or use damping='adaptive'" if has_damping else "lower lr, or scale the features")
    )
