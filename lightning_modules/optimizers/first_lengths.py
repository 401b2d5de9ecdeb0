r"""The first lengths along a direction, which no average protects: they are tried on the loss itself, and shortened.

    m ← max(m, 2 (f(θ + s) − f(θ) − ∇fᵀs) / |s/q|²),   s = (b/m) q,        a few times

A network may bend far more on the way than where it stands. Far out, where the outputs are products of many long layers, the
loss says nothing of the curvature in between: a trial shortens the length to a 64th at most. And the length must not become
so short that the difference is one of roundings, which would shorten it further without end.
"""

import torch
from torch import Tensor

from lightning_modules.objectives import Point

# How often a length is tried, as often on a device, for which nobody waits; and by how much it is shortened at most each time.
TRIALS, SHORTER = 10, 64.0
# Within so many roundings of the loss a difference says nothing.
ROUNDINGS = 4


def tried(point: Point, direction: Tensor, steepness: Tensor, slope: Tensor, curvature: Tensor) -> Tensor:
    """m (), the curvature along q, or what the loss itself shows on the way if that is more.

    Args:
        point: θ on the present sample.
        direction: q (p,).
        steepness: ∇fᵀq of that sample ().
        slope: b ≥ 0, averaged ().
        curvature: m > 0, averaged ().
    """
    for _ in range(TRIALS):
        before, curvature = curvature, _met(point, direction, steepness, slope, curvature)
        # The next trial would be the same one; a device is not waited for to find that out.
        if curvature.device.type == "cpu" and bool(curvature == before):
            break
    return curvature


def _met(point: Point, direction: Tensor, steepness: Tensor, slope: Tensor, curvature: Tensor) -> Tensor:
    """The same by one trial ()."""
    length = torch.where(curvature > 0, slope / curvature, 0.0)
    there = point.objective.point(point.theta + length * direction).value
    bend = there - point.value - length * steepness
    rounding = ROUNDINGS * torch.finfo(there.dtype).eps * (there.abs() + point.value.abs())
    met = torch.where(bend > rounding, 2 * bend / length.square(), 0.0)
    # Where the loss is not finite nothing is met: far shorter.
    met = torch.where(torch.isfinite(there), torch.minimum(met, SHORTER * curvature), SHORTER * curvature)
    return torch.where(met > curvature, met, curvature)
