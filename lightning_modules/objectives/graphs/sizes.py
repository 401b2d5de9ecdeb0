"""What a module's `forward` asks of the sizes of its values: x.shape, x.size(1), x.ndim. Only the number of rows stays open."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from lightning_modules.objectives.graphs.arguments import Value
from lightning_modules.objectives.graphs.function_kinds import ROWS
from lightning_modules.objectives.graphs.graph import Node
from lightning_modules.objectives.graphs.own_weights import transposed
from lightning_modules.objectives.graphs.untraceable import FALL_BACK, UntraceableError
from lightning_modules.objectives.layers import Embedding


class Shape:
    """(n, …) of a value, of which n is `ROWS`.

    Args:
        of_row: finds the other sizes, when one of them is asked for.
    """

    def __init__(self, of_row: Callable[[], tuple[int, ...]]) -> None:
        self.of_row = of_row

    def __getitem__(self, place: int | slice) -> Any:
        return ROWS if place == 0 else (ROWS, *self.of_row())[place]


class Sizes:
    """Shapes of the values of a graph that is being made: its layers are called on rows without numbers.

    Args:
        nodes: the layers so far; they become more.
        rows: of the features (n, …), for their shape, type and place; None if they are not known.

    Attributes:
        are_asked: whether the graph is that of such rows alone.
    """

    def __init__(self, nodes: Sequence[Node], rows: Tensor | None) -> None:
        self.nodes, self.rows, self.are_asked = nodes, rows, False

    def of_row(self, value: int) -> tuple[int, ...]:
        """The shape of one row of a value, by its number.

        Raises:
            UntraceableError: the features are not known, or do not fit the layers.
        """
        if self.rows is None:
            raise UntraceableError(f"forward asks for the size of rows, which are not there yet: {FALL_BACK}")
        self.are_asked = True
        is_looked_up = any(isinstance(node.layer, Embedding) and 0 in node.inputs for node in self.nodes)
        dtype = torch.long if is_looked_up else torch.get_default_dtype()
        values = [torch.empty(2, *self.rows.shape[1:], dtype=dtype, device="meta")]
        try:
            for node in self.nodes[:value]:
                weights = tuple(torch.empty(slot.shape, device="meta") for slot in node.slots)
                values.append(node.layer.forward(weights, *(values[index] for index in node.inputs)))
        except Exception as error:
            raise UntraceableError(f"forward asks for a size that cannot be found ({error}): {FALL_BACK}") from error
        return tuple(values[value].shape[1:])

    def asked(self, name: str, args: list[Any]) -> Any:
        """What a call stands for that asks for a size, or for something else that is no value; None of other calls."""
        first = args[0] if args else None
        if isinstance(first, Value):
            return self._of_value(first, name, args[1:])
        if isinstance(first, Shape) and name == "getitem":
            return first[args[1]]
        if isinstance(first, nn.Parameter) and name == "getitem" and _is_whole(first, args[1]):
            return first
        return transposed(name, args)

    def _of_value(self, value: Value, name: str, args: list[Any]) -> Any:
        shape = Shape(partial(self.of_row, value.index))
        if (name == "getattr" and args == ["shape"]) or (name == "size" and not args):
            return shape
        if name == "size":
            return shape[args[0]]
        if (name == "getattr" and args == ["ndim"]) or name in ("dim", "ndimension"):
            return 1 + len(shape.of_row())
        return self.rows.device if name == "getattr" and args == ["device"] and self.rows is not None else None


def of_numbers(args: Sequence[Any]) -> bool:
    """Whether a call is of numbers alone, such as sizes, and none of them is the number of rows."""
    parts = [part for each in args for part in (each if isinstance(each, tuple) else (each,))]
    return bool(args) and all(isinstance(part, (int, float, slice)) for part in parts)


def _is_whole(parameter: Tensor, places: Any) -> bool:
    """Whether a part of a parameter is all of it: `self.places[:, :x.shape[1]]`."""
    every = places if isinstance(places, tuple) else (places,)
    if not all(isinstance(each, slice) for each in every):
        return False
    return parameter.detach()[places].shape == parameter.shape and all(each.step in (None, 1) for each in every)
