"""A call of torch that is computed where a layer takes it: of values, of parameters, of the number of rows."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lightning_modules.objectives.graphs.value import Rows, Transposed, Value


class Expression:
    """What a call gives, as a function of the values and parameters that it is made of.

    Args:
        name: of the function.
        call: the function itself.
        args, kwargs: what it is called with, other expressions among them.

    Attributes:
        values, parameters: what it is made of, each once.
    """

    def __init__(self, name: str, call: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        self.name, self.call, self.args, self.kwargs = name, call, args, kwargs
        every = list(parts((args, kwargs)))
        self.values: list[Value] = list({each.index: each for part in every for each in _values(part)}.values())
        self.parameters: list[nn.Parameter] = list({id(each): each for part in every for each in _parameters(part)}.values())

    def __call__(self, *tensors: Tensor) -> Any:
        """What it gives of the parameters and then the values (n, …), in their order here."""
        weights, values = tensors[: len(self.parameters)], tensors[len(self.parameters) :]
        return self.of_rows(len(values[0]), weights, values)

    def of_rows(self, count: int, weights: Sequence[Tensor], values: Sequence[Tensor]) -> Any:
        """The same of a number of rows, which is asked for where there are no values."""
        tensors = (*weights, *values)
        real = next((each for each in tensors if each.is_floating_point()), tensors[0] if tensors else torch.empty(0))
        given = _Given(
            {id(parameter): weight for parameter, weight in zip(self.parameters, weights, strict=True)},
            {value.index: each for value, each in zip(self.values, values, strict=True)},
            real,
            count,
        )
        return self._computed(given)

    def _computed(self, given: "_Given") -> Any:
        args, kwargs = replaced(self.args, given.of), replaced(self.kwargs, given.of)
        found = self.call(*args, **kwargs)
        # What is made of sizes alone is made on the processor.
        return found.to(given.like.device) if isinstance(found, Tensor) else found


class _Given(NamedTuple):
    """Numbers for what an expression is made of.

    Attributes:
        weights: by the id of a parameter.
        values: by the index of a value.
        like: whose type and place constants take.
        rows: how many there are.
    """

    weights: dict[int, Tensor]
    values: dict[int, Tensor]
    like: Tensor
    rows: int

    def of(self, part: Any) -> Any:
        if isinstance(part, Value):
            return self.values[part.index]
        if isinstance(part, Expression):
            return part._computed(self)
        if isinstance(part, nn.Parameter):
            return self.weights[id(part)]
        if isinstance(part, Transposed):
            return self.weights[id(part.parameter)].mT
        if isinstance(part, Rows):
            return self.rows
        if isinstance(part, Tensor):
            return part.to(self.like) if part.is_floating_point() else part.to(self.like.device)
        return part


def is_open(argument: Any) -> bool:
    """Whether an argument holds anything that is known only where there are rows or weights."""
    open_kinds = (Value, Expression, nn.Parameter, Transposed, Rows)
    return any(isinstance(part, open_kinds) for part in parts(argument))


def parts(argument: Any) -> Iterator[Any]:
    """What an argument is made of, down to what is no list, tuple, table or slice."""
    found: list[Any] = []
    replaced(argument, found.append)
    yield from found


def replaced(argument: Any, function: Callable[[Any], Any]) -> Any:
    """The same argument with another part in the place of each."""
    if isinstance(argument, Mapping):
        return {key: replaced(each, function) for key, each in argument.items()}
    if isinstance(argument, (list, tuple)):
        every = [replaced(each, function) for each in argument]
        return tuple(every) if isinstance(argument, tuple) else every
    if isinstance(argument, slice):
        return slice(*(replaced(each, function) for each in (argument.start, argument.stop, argument.step)))
    return function(argument)


def _values(part: Any) -> list[Value]:
    return part.values if isinstance(part, Expression) else [part] if isinstance(part, Value) else []


def _parameters(part: Any) -> list[nn.Parameter]:
    if isinstance(part, Expression):
        return part.parameters
    if isinstance(part, Transposed):
        return [part.parameter]
    return [part] if isinstance(part, nn.Parameter) else []
