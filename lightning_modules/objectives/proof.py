"""What a loss itself can prove of a point as its minimiser."""

from dataclasses import dataclass

from lightning_modules.objectives.degeneracy import Degeneracy


@dataclass(frozen=True)
class Proof:
    """Of a loss with kinks, of whose optimum derivatives say little.

    Attributes:
        holds: whether the point is the minimiser to the tolerance that was asked for.
        message: the numbers behind it, without who ended the steps.
        largest: the largest entry of the least subgradient.
        gap: no point has a value lower by more; None where no such bound is known.
        fact: why there is no finite minimiser, if that is known.
    """

    holds: bool
    message: str
    largest: float
    gap: float | None = None
    fact: Degeneracy | None = None
