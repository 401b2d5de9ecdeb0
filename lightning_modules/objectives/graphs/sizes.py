"""The sizes of the values of a graph that is being made: its layers are called on rows without numbers."""

from collections.abc import Sequence

import torch
from torch import Tensor

from lightning_modules.objectives.graphs.graph import Node
from lightning_modules.objectives.graphs.untraceable import FALL_BACK, UntraceableError
from lightning_modules.objectives.layers import Embedding, Layer


class Sizes:
    """Shapes and types of values, found when one is asked for.

    Args:
        nodes: the layers so far; they become more.
        rows: of the features (n, …), for their shape; None if they are not known.

    Attributes:
        are_asked: whether the graph is that of rows of this shape alone.
    """

    def __init__(self, nodes: Sequence[Node], rows: Tensor | None) -> None:
        self.nodes, self.rows, self.are_asked = nodes, rows, False
        self._found: list[Tensor] = []

    @property
    def are_known(self) -> bool:
        """Whether there are rows to tell."""
        return self.rows is not None

    @property
    def _dtype(self) -> torch.dtype:
        """Of features and weights."""
        return self.rows.dtype if self.rows is not None and self.rows.is_floating_point() else torch.get_default_dtype()

    def use(self) -> None:
        """Remember that the graph depends on them."""
        self.are_asked = True

    def of(self, value: int) -> Tensor:
        """A value without numbers (2, …), by its own number.

        Raises:
            UntraceableError: the features are not known, or do not fit the layers.
        """
        if self.rows is None:
            raise UntraceableError(f"forward asks for the size of rows, which are not there yet: {FALL_BACK}")
        is_looked_up = any(isinstance(node.layer, Embedding) and 0 in node.inputs for node in self.nodes)
        dtype = torch.long if is_looked_up else self._dtype
        if not self._found or self._found[0].dtype != dtype:
            self._found = [torch.empty(2, *self.rows.shape[1:], dtype=dtype, device="meta")]
        try:
            for node in self.nodes[len(self._found) - 1 : value]:
                self._found.append(self.after(node.layer, [slot.shape for slot in node.slots], node.inputs))
        except Exception as error:
            raise UntraceableError(f"forward asks for a size that cannot be found ({error}): {FALL_BACK}") from error
        return self._found[value]

    def after(self, layer: Layer, weights: Sequence[tuple[int, ...]], inputs: Sequence[int]) -> Tensor:
        """What a layer gives, without numbers.

        Args:
            layer: one more.
            weights: their shapes.
            inputs: the values that it takes.
        """
        made = tuple(torch.empty(shape, dtype=self._dtype, device="meta") for shape in weights)
        return layer.forward(made, *(self.of(index) for index in inputs))
