"""The same problem in other units, and whether a method goes the same way in both."""

from dataclasses import dataclass

import torch
from torch import Tensor

from lightning_modules.objectives import FunctionObjective, LeastSquares, Objective
from lightning_modules.optimizers import Minimum, minimise
from lightning_modules.optimizers.descent import Method
from lightning_modules.optimizers.step_report import StepReport

# What parameters are measured in: powers of two, which rounding does not see, and others.
EXACT = (2.0**-20, 2.0**13, 2.0**26, 2.0**-8, 2.0**3, 2.0**-26)
ODD = (3e-8, 0.7, 1.7e8, 6.1e3, 1.3e-5, 4.9e5)


@dataclass(frozen=True)
class Way:
    """Where a method went: θ_0, θ_1, … and how that ended."""

    iterates: list[Tensor]
    minimum: Minimum


def way(objective: Objective, start: Tensor, method: Method, max_steps: int = 100) -> Way:
    iterates = [start]

    def watch(report: StepReport) -> bool:
        if report.theta is not None:
            iterates.append(report.theta.clone())
        return False

    return Way(iterates, minimise(objective, start, method, max_steps, watch))


def units(count: int, kind: tuple[float, ...]) -> Tensor:
    return torch.tensor([kind[j % len(kind)] for j in range(count)], dtype=torch.float64)


def in_units(objective: FunctionObjective | LeastSquares, unit: Tensor, loss: float = 1.0) -> Objective:
    """The same function of θ · unit, its values times `loss`."""
    if isinstance(objective, LeastSquares):
        residuals = objective.residuals
        return LeastSquares(lambda theta: loss**0.5 * residuals(theta / unit))
    function = objective.function
    return FunctionObjective(lambda theta: loss * function(theta / unit))


def distances(ours: Way, theirs: Way, unit: Tensor) -> list[float]:
    """How far the two are apart at each step, relative to the largest number there."""
    pairs = zip(ours.iterates, theirs.iterates, strict=False)
    return [float((a - b / unit).abs().max() / a.abs().max().clamp_min(1e-300)) for a, b in pairs]


def assert_same_way(ours: Way, theirs: Way, unit: Tensor, on_the_way: float = 1e-8, at_the_end: float = 1e-10) -> None:
    """The same steps, the same end and the same verdict, but for rounding.

    The last steps before an end may be one more or less where rounding decides.
    """
    assert theirs.minimum.status == ours.minimum.status, (theirs.minimum.message, ours.minimum.message)
    apart = distances(ours, theirs, unit)
    assert max(apart) <= on_the_way, apart
    assert abs(len(ours.iterates) - len(theirs.iterates)) <= 1
    end, expected = theirs.minimum.theta / unit, ours.minimum.theta
    assert (end - expected).abs().max() <= at_the_end * expected.abs().max(), (end, expected)


def assert_same_bits(ours: Way, theirs: Way, unit: Tensor) -> None:
    """In units that are powers of two there is no rounding, and so no difference."""
    assert theirs.minimum.status == ours.minimum.status, (theirs.minimum.message, ours.minimum.message)
    assert len(ours.iterates) == len(theirs.iterates)
    assert all(torch.equal(a, b / unit) for a, b in zip(ours.iterates, theirs.iterates, strict=True))
