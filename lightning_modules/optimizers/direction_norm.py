r"""How long directions are, of which the averages of a network's slope and curvature are made.

    n ← n + ω (|q| − n),   ω = (1 − β_m) min(1, rows/200)        averaged over ten samples, of few rows over many more
    q ← q / n

As a network learns its directions become shorter, b with them and m with their square. Averages along directions as they are
would be those of the longest, which are past: the first two hundred steps of a CNN were three to ten times too short. A single
long direction, as batches of a few rows have them, shall count as what it is, and shorten the steps that follow it.
"""

import torch
from torch import Tensor


def averaged_norm(direction: Tensor, norm: Tensor | None, weight: float) -> Tensor:
    """n (), > 0.

    Args:
        direction: q (p,).
        norm: n so far; None before the first step.
        weight: ω in (0, 1].
    """
    here = direction.norm()
    averaged = here if norm is None else norm.lerp(here, weight)
    return averaged.clamp(min=torch.finfo(averaged.dtype).tiny)
