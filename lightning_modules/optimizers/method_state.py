"""What a method keeps from step to step, and in every checkpoint."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal

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


def refuse_state_of_another(saved: Mapping[str, Any], kept: type[MethodState], name: str) -> None:
    """Refuse what another method has saved.

    Args:
        saved: by the names of the attributes.
        kept: what the method itself keeps.
        name: of the method.

    Raises:
        ValueError: some is not known, or some is missing that the method alone keeps.
    """
    base = kept.__base__
    known = {field.name for field in fields(kept)}
    own = known - ({field.name for field in fields(base)} if is_dataclass(base) else set())
    if unknown := saved.keys() - known:
        raise ValueError(
            f"{name} cannot go on from a state that holds {', '.join(sorted(unknown))}: it is that of another method or "
            "version; start anew"
        )
    # What is kept is kept whole, but for how the last step ended.
    if saved.keys() - {"ended"} and (missing := own - saved.keys()):
        raise ValueError(
            f"{name} cannot go on from a state without {', '.join(sorted(missing))}: it is that of another method or version; "
            "start anew"
        )
