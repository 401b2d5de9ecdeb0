"""What a method keeps from step to step, and in every checkpoint."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

Status = Literal["converged", "stalled"]
# A number stands for the status in a checkpoint: torch takes texts in an optimizer's state apart letter by letter.
STATUSES: tuple[Status | None, ...] = (None, "converged", "stalled")


@dataclass
class MethodState:
    """Plain numbers and tensors. A method that keeps more has a subclass of its own.

    Attributes:
        ended: place in STATUSES of the status of the last step.
        scale: D (p,), the scale of the parameters by which a gradient is small or not, in float64; see `measured_scale`.
        largest_theta: the largest |θ_j| that were met (p,), of a function in no known unit.
    """

    ended: int = 0
    scale: Tensor | None = None
    largest_theta: Tensor | None = None

    @property
    def status(self) -> Status | None:
        """Of the last step."""
        return STATUSES[self.ended]
