"""What a curvature was estimated from, where its exact form takes too long."""

from typing import NamedTuple


class Draws(NamedTuple):
    """Random draws in place of an exact curvature.

    Attributes:
        number: how many, each time.
        instead_of: what the exact one takes: "a sweep for each of its 784 outputs".
    """

    number: int
    instead_of: str


def of_products(number: int, parameters: int) -> Draws:
    """A diagonal's, of a loss that torch alone differentiates."""
    return Draws(number, f"a product for each of {parameters} parameters, since torch alone differentiates this loss")


def of_outputs(number: int, outputs: int) -> Draws:
    """A factor's, of rows with many outputs."""
    return Draws(number, f"a sweep through the network for each of {outputs} outputs")
