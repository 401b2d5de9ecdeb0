"""What a module computes besides its parameters and buffers, as far as it can be seen: to notice that it has been changed."""

from collections.abc import Hashable
from typing import Any

from torch import Tensor, nn

PLAIN = frozenset((bool, int, float, str, type(None)))


def form_of(module: nn.Module) -> Hashable:
    """Equal as long as a module has the same parts, in the same modes, with the same plain attributes and plain tensors.

    What stands elsewhere, in an object of somebody's own or in a global name, is not seen. It is asked for at every step, and
    takes a few microseconds a layer.
    """
    return tuple([(each, *_attributes(vars(each))) for each in module.modules()])


def _attributes(values: dict[str, Any]) -> list[Hashable]:
    plain: list[Hashable] = [value for value in values.values() if type(value) in PLAIN]
    return plain + [_Unchanged(value) for value in values.values() if type(value) is Tensor]


class _Unchanged:
    """A tensor with what it holds now; it is kept, so that no other takes its place in memory."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor, self.version = tensor, tensor._version

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Unchanged) and self.tensor is other.tensor and self.version == other.version

    def __hash__(self) -> int:
        return hash((id(self.tensor), self.version))
