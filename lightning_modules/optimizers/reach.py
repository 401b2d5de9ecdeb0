r"""How far a step may go before the averages that it is made of say nothing any more.

    r = √(−gᵀd),    d ← d · min(1, c r̄ / r),    r̄ ← β_m r̄ + (1 − β_m) min(r, c r̄)

r is the length of Newton's step as the averaged curvature measures it. Where a network begins to learn, after a plateau, its
gradients may grow fiftyfold within eight steps: averages of the curvature lag behind, and steps by them would leave the region
in which they were taken. And in a table a row may be a hundred times as far out as the others. So a step is at most c times as
long as those before it on average.

Source: the bound is a trust region's, whose radius follows the steps that were taken (Conn, Gould and Toint, Trust-region
methods, 2000); of plain gradients it is known as clipping by a running norm.
"""

import torch
from torch import Tensor

from lightning_modules.devices import is_asynchronous

# c: ordinary batches differ by less, a network that runs away does not.
REACH = 3.0


def within_reach(step: Tensor, gradient: Tensor, reach: Tensor | None, memory: float) -> tuple[Tensor, Tensor]:
    """The step d (p,) as long as it may be, and r̄ () after it.

    Args:
        step: d (p,).
        gradient: g (p,).
        reach: r̄ () so far; None before the first step, and 0 as long as there was no gradient, which bounds nothing.
        memory: β_m in [0, 1).
    """
    length = (gradient @ step).neg().clamp(min=0).sqrt()
    if reach is None:
        return step, length
    within = torch.where(reach > 0, torch.minimum(length, REACH * reach), length)
    average = torch.where(reach > 0, torch.lerp(reach, within, 1 - memory), within)
    part = torch.where(length > 0, within / length, 1.0)
    is_whole = not is_asynchronous(part) and bool(part == 1)  # as nearly always
    return step if is_whole else step * part, average
