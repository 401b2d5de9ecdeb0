"""What a step did, for those who watch, judge and test it."""

from dataclasses import dataclass, fields
from typing import Literal

from torch import Tensor

from lightning_modules.devices import asked
from lightning_modules.objectives import Point
from lightning_modules.solvers import Solver


@dataclass(frozen=True, eq=False)
class StepReport:
    """One step of a method. What it did not compute is None; to read a number of a device is to wait for it.

    A method that computes more has a subclass with further fields.

    Attributes:
        point: where the step began.
        gradient_max: ‖∇‖∞ there.
        theta: the parameters (p,) that the step leads to; None if it does not move.
        status: "converged" or "stalled" (no step along the direction decreases the loss) if the step did not move for it.
        slope: gᵀd along the direction d, where no decrement stands for it.
        step_size: t, the share of the direction that was gone.
        damping: μ by which the step was computed.
        rejected: how many trials before it did not decrease the loss.
        gain_ratio: actual over predicted decrease.
        newton_decrement: λ = √(gᵀ(C + μI)⁻¹g) of the damped model.
        row_interval: k, where only every k-th row gave the curvature.
        solver: the curvature that the step was computed by, as it was solved with.
    """

    point: Point
    gradient_max: Tensor
    theta: Tensor | None = None
    status: Literal["converged", "stalled"] | None = None
    slope: Tensor | float | None = None
    step_size: Tensor | float | None = None
    damping: Tensor | float | None = None
    rejected: int | None = None
    gain_ratio: float | None = None
    newton_decrement: Tensor | float | None = None
    row_interval: int | None = None
    solver: Solver | None = None

    def scalars(self) -> dict[str, Tensor | float]:
        """The numbers among what was computed, by name, those of a device not read yet: what is logged."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: value
            for name, value in values.items()
            if isinstance(value, (int, float)) or (isinstance(value, Tensor) and value.ndim == 0)
        }

    def numbers(self) -> dict[str, float]:
        """`scalars`, read."""
        values = {name: asked(value) if isinstance(value, Tensor) else value for name, value in self.scalars().items()}
        return {name: float(value) for name, value in values.items()}
