"""What follows from averages that change at updates only: computed once, not at every step."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

from torch import Tensor

Value = TypeVar("Value")


class KeptValues:
    """Keeps values by name, each until a tensor that it follows from is another one or has been changed in place.

    It is no state of the method: whoever goes on from a checkpoint makes them from the same numbers again.
    """

    def __init__(self) -> None:
        self._kept: dict[str, tuple[list[tuple[Tensor, int]], Any]] = {}

    def of(self, name: str, sources: Sequence[Tensor], make: Callable[[], Value]) -> Value:
        """`make()`, as it was made last where its sources are still the same."""
        if name in self._kept:
            before, value = self._kept[name]
            if len(before) == len(sources) and all(
                was is now and version == now._version for (was, version), now in zip(before, sources, strict=True)
            ):
                return cast(Value, value)
        value = make()
        self._kept[name] = [(source, source._version) for source in sources], value
        return value
