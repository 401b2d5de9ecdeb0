r"""How much of the loss a step may set out to take away, where it is known what the loss never falls below.

    b l − m l²/2 ≤ κ (f̄ − f₀),      so        l = (b/m) x/(1 + √(1 − x)),   x = min(1, κ (f̄ − f₀) 2m/b²)

The length b/m goes to the minimiser of the model along q, and takes b²/(2m) away. Of a sample that a network can fit by heart,
a direction made of that sample's gradient takes most of its loss away, and the more the fewer rows it has. What it sets out to
learn is noise then, and steps of that length lead to and fro ever farther. One that asks for no more than half of the loss
learns the same, so that no step size has to fall over the run.

Source: to measure a step by how far the loss is above its lowest is Polyak's (Introduction to optimization, 1987, section 5.3),
on samples that of N. Loizou et al., Stochastic Polyak step-size for SGD (2021); there by the gradient, here by the model.
"""

import torch
from torch import Tensor

from lightning_modules.objectives import Point

# κ
MOST = 0.5


def averaged_above(point: Point, above: Tensor | None, share: float) -> Tensor | None:
    """f̄ − f₀ (), with the loss of a sample in it; None where f₀ is not known.

    Args:
        point: on the sample.
        above: the same before; None before the first sample.
        share: what a sample counts for.
    """
    infimum = point.objective.infimum
    if infimum is None:
        return None
    here = (point.value - infimum).clamp(min=0)  # below it there is rounding only
    return here if above is None else above.lerp(here, share)


def within_loss(slope: Tensor, curvature: Tensor, above: Tensor | None) -> Tensor:
    """l () ≥ 0; 0 where the loss does not fall along q.

    Args:
        slope: b ().
        curvature: m ().
        above: f̄ − f₀ () ≥ 0; None where it is not known.
    """
    newton = torch.where(curvature > 0, slope / curvature, 0.0).clamp(min=0)
    if above is None:
        return newton
    takes = slope * newton / 2
    x = torch.where(takes > 0, MOST * above / takes, 1.0).clamp(max=1.0)
    return newton * x / (1 + (1 - x).sqrt())
