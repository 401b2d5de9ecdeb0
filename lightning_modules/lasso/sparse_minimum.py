"""Where a fit under an l1 penalty ended."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from lightning_modules.counting import are, counted
from lightning_modules.objectives import Degeneracy
from lightning_modules.objectives.linear import GLMObjective

Status = Literal["converged", "separated", "stalled", "budget"]


@dataclass(frozen=True, eq=False)
class SparseMinimum:
    """A point, and what proves how good it is.

    Attributes:
        theta: θ (p,), with exact zeros.
        value: the mean loss with all penalties.
        l1: strength of the penalty on absolute values.
        l2: of that on squares.
        gap: the duality gap: no point has a value below `value − gap`; None for families whose conjugate has no closed form.
        kkt: the largest violation of the conditions of an optimum, in the loss's unit: of each coefficient |violation| √u / σ,
            σ² the curvature of the loss along it, u the loss's unit.
        active: places of the features with a coefficient other than 0.
        steps: how many there were.
        status: `converged` – the gap, or where there is none the violation, is below the tolerance; `separated` – what is not
            penalised goes to infinity; `stalled` – the tolerance is not met, and no step was better; `budget` – the steps ran
            out first.
        message: one sentence with the numbers.
    """

    theta: Tensor
    value: float
    l1: float
    l2: float
    gap: float | None
    kkt: float
    active: tuple[int, ...]
    steps: int
    status: Status
    message: str


def told(
    status: Status, gap: float | None, kkt: float, active: int, allowed: float, max_steps: int, fact: Degeneracy | None
) -> str:
    """The sentence of a status."""
    if status == "separated" and fact is not None:
        return f"by what is not penalised {fact.message}"
    proof = measured(gap, kkt)
    kept = f"{counted(active, 'feature')} not 0"
    if status == "converged":
        return f"at the optimum: {proof}, below {allowed:.1e}; {kept}"
    if status == "stalled":
        return f"no step is better, but the tolerance {allowed:.1e} is not met: {proof}; {kept}"
    return f"{counted(max_steps, 'step')} ran out before the tolerance {allowed:.1e} was met: {proof}; {kept}"


def measured(gap: float | None, kkt: float) -> str:
    """What a proof rests on."""
    if gap is None:
        return f"largest violation of the conditions of an optimum {kkt:.1e} (no duality gap: its conjugate has no closed form)"
    return f"duality gap {gap:.1e}, largest violation of the conditions of an optimum {kkt:.1e}"


def counted_zeros(objective: GLMObjective, theta: Tensor) -> str:
    """ "12 of 30 coefficients are 0", intercepts not counted."""
    weights = objective.layout.split(theta)[0]
    zeros = int((weights == 0).sum())
    return f"{zeros} of {counted(weights.numel(), 'coefficient')} {are(zeros)} 0"
