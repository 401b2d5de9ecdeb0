"""What is kept, from step to step and in every checkpoint, of the averages over mini-batches."""

from dataclasses import dataclass

from torch import Tensor

from lightning_modules.optimizers.damped_optimizer import DampingState


@dataclass
class RunningState(DampingState):
    """The averages that are kept from step to step; None before the first.

    Attributes:
        steps, updates: how many steps there were, and how many of them the averages have taken in.
        curvature: v (p,), not yet corrected for its bias.
        direction: p (p,), the past steps.
        slope, curvature_along: b and m ().
        reach: how long the steps d were, √(−gᵀd) ().
        norm: how long the directions were (), averaged.
        above: how far the loss is above the number that it never falls below (), averaged; None where none is known.
        mean: of a network x (p,), the mean of the points that the steps led to.
        iterate: z (p,), where the next step starts from, as long as the parameters are the mean.
        last, last_length: of a loss that is no network's q' (p,), the direction of the step before, and l' (), how far it went.
    """

    steps: int = 0
    updates: int = 0
    curvature: Tensor | None = None
    direction: Tensor | None = None
    slope: Tensor | None = None
    curvature_along: Tensor | None = None
    reach: Tensor | None = None
    norm: Tensor | None = None
    above: Tensor | None = None
    mean: Tensor | None = None
    iterate: Tensor | None = None
    last: Tensor | None = None
    last_length: Tensor | None = None
