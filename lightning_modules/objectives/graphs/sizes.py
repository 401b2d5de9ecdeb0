"""The sizes of the values of a graph that is being made: its layers are called on rows without numbers."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lightning_modules.objectives.graphs.expression import Expression
from lightning_modules.objectives.graphs.graph import Node
from lightning_modules.objectives.graphs.row_proxy import RowShape, open_shape
from lightning_modules.objectives.graphs.untraceable import FALL_BACK, UntraceableError
from lightning_modules.objectives.graphs.value import Transposed, Value
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

    # -- what forward asks of what it holds ----------------------------------------------------------------------------

    def shape(self, found: Any, rows: Callable[[], Any]) -> tuple[Any, ...] | None:
        """(n, …), for whose n `rows` makes something; None of what is no tensor."""
        if isinstance(found, (nn.Parameter, Transposed)):
            return tuple(found.shape) if isinstance(found, nn.Parameter) else tuple(found.parameter.shape[::-1])
        if isinstance(found, Value):
            return RowShape((rows(), *self.of(found.index).shape[1:]), self.use) if self.are_known else open_shape(rows())
        of_two, of_three = self._of_expression(found)
        if not isinstance(of_two, Tensor):
            return None
        sizes = list(zip(of_two.shape, of_three.shape, strict=True))
        if any(two != three and 3 * two != 2 * three for two, three in sizes):
            return None  # of n + 1, say, nothing stands for it
        open_sizes = {two: rows() if two == 2 else rows() * (two // 2) for two, three in sizes if two != three}
        return RowShape(tuple(two if two == three else open_sizes[two] for two, three in sizes), self.use)

    def dtype(self, found: Any) -> torch.dtype | None:
        """None of what is no tensor."""
        if isinstance(found, nn.Parameter):
            return found.dtype
        if isinstance(found, Value):
            return self.of(found.index).dtype if self.are_known else None
        of_two, _ = self._of_expression(found)
        return of_two.dtype if isinstance(of_two, Tensor) else None

    def length(self, found: Any) -> int | None:
        """How many there are where there are several; None of rows, and of what is one."""
        if isinstance(found, nn.Parameter):
            return len(found)
        lengths = {len(each) if isinstance(each, (tuple, list, Tensor)) else None for each in self._of_expression(found)}
        return lengths.pop() if len(lengths) == 1 else None

    def _of_expression(self, found: Any) -> tuple[Any, Any]:
        """What an expression gives of two rows and of three, without numbers; None of anything else."""
        if not isinstance(found, Expression) or not self.are_known:
            return None, None
        self.use()
        weights = [torch.empty(each.shape, dtype=self._dtype, device="meta") for each in found.parameters]
        values = [self.of(value.index) for value in found.values]
        two, three = (
            found.of_rows(rows, weights, [value.new_empty(rows, *value.shape[1:]) for value in values]) for rows in (2, 3)
        )
        return two, three
