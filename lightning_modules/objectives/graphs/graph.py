"""A module as the layers that its `forward` calls, one after another, each with the values that it takes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any

from torch import Tensor

from lightning_modules.objectives.layers import Layer


@dataclass(frozen=True)
class Slot:
    """Where a parameter stands in θ.

    Attributes:
        name: as its module has it.
        start: its first place.
        shape: its own.
    """

    name: str
    start: int
    shape: tuple[int, ...]

    @property
    def stop(self) -> int:
        """The place after its last."""
        return self.start + prod(self.shape)

    def of(self, theta: Tensor) -> Tensor:
        """The parameter in θ (p,), or in k vectors like it (k, p): a view."""
        return theta[..., self.start : self.stop].view((*theta.shape[:-1], *self.shape))


@dataclass(frozen=True)
class Node:
    """A layer where it stands.

    Attributes:
        name: of its module, or of the call.
        layer: its kind.
        inputs: the values that it takes: 0 are the features, ℓ the output of the ℓ-th node, counted from 1.
        slots: its weights.
    """

    name: str
    layer: Layer
    inputs: tuple[int, ...]
    slots: tuple[Slot, ...]

    def weights(self, theta: Tensor) -> tuple[Tensor, ...]:
        """Its weights in θ (p,), or in k vectors like it: views."""
        return tuple(slot.of(theta) for slot in self.slots)


@dataclass(frozen=True)
class Graph:
    """The layers of a module in the order of its `forward`; the last one's output is the module's.

    Attributes:
        name: of the module's class.
        nodes: the layers.
        slots: all parameters, also those that no layer uses.
        row_shape: the only shape of a row that it is the graph of; None if it may be of others.
        sizes: how many numbers the layers give of rows of a shape, as far as it was asked.
        places: where the weights of a layer stand in θ, as a matrix, likewise.
    """

    name: str
    nodes: Sequence[Node]
    slots: Sequence[Slot]
    row_shape: tuple[int, ...] | None = None
    sizes: dict[Any, tuple[int, int]] = field(default_factory=dict)
    places: dict[Any, Tensor] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """p, how many numbers θ has."""
        return self.slots[-1].stop if self.slots else 0

    @cached_property
    def moves(self) -> list[bool]:
        """Of each value, the features first, whether it depends on θ: down to there, and no further, go the sweeps."""
        moving = [False]
        for node in self.nodes:
            depends = bool(node.slots) or any(moving[index] for index in node.inputs)
            moving.append(depends and not node.layer.is_constant)
        return moving

    @cached_property
    def last_use(self) -> list[int]:
        """Of each value, the last node (from 1) that takes it."""
        last = list(range(len(self.nodes) + 1))
        for index, node in enumerate(self.nodes, 1):
            for value in node.inputs:
                last[value] = max(last[value], index)
        return last

    def straight_above(self) -> Iterator[tuple[Node, bool]]:
        """Each node, and whether its weights change the output piecewise linearly: nothing above them bends."""
        straight = [True] * (len(self.nodes) + 1)
        found = []
        for index in range(len(self.nodes), 0, -1):
            node = self.nodes[index - 1]
            above = straight[index]
            found.append((node, above and (node.layer.is_linear_in_weights or not node.slots)))
            for value in node.inputs:
                straight[value] = straight[value] and above and node.layer.is_piecewise_linear
        yield from reversed(found)
