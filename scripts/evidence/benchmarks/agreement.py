"""How well two answers to the same question agree, which a row says beside its times."""

from typing import Literal, NamedTuple

from torch import Tensor


class Agreement(NamedTuple):
    """A number that would be 0 without rounding and with endless patience.

    Attributes:
        kind: "difference", the largest between the two answers as a share of the largest entry; "gradient", the largest entry
            of the gradient at either answer; "objective", the difference of the objective there.
        value: no less than 0, or nan, which agrees with nothing.
    """

    kind: Literal["difference", "gradient", "objective"]
    value: float

    def __str__(self) -> str:
        return f"{self.kind} {self.value:.0e}"


def difference(ours: Tensor, theirs: Tensor) -> Agreement:
    """Of two answers of the same shape, on whatever device."""
    theirs = theirs.detach().to(ours.device)
    return Agreement("difference", float((ours.detach() - theirs).abs().max() / theirs.abs().max()))
