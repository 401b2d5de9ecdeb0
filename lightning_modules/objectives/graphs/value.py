"""What a module's `forward` computes with, while it is followed."""

from dataclasses import dataclass

from torch import nn


class Value:
    """A value of the network, a row of numbers for each row, by its number: 0 are the features.

    Args:
        index: the number.
    """

    def __init__(self, index: int) -> None:
        self.index = index


class Rows:
    """The number of rows, where a module's `forward` asks for it: `x.view(x.size(0), -1)`."""


ROWS = Rows()


@dataclass(frozen=True)
class Transposed:
    """Wᵀ, as `self.weight.T` is asked for.

    Attributes:
        parameter: W, a matrix.
    """

    parameter: nn.Parameter
