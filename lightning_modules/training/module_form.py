"""What a module computes besides its parameters and what its buffers hold, as far as it can be seen: to notice a change."""

from collections.abc import Hashable
from typing import Any

from torch import Tensor, nn

PLAIN = frozenset((bool, int, float, str, type(None)))
# Where torch keeps what runs beside a module's `forward`, by numbers that are given once.
HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
# How deep lists are looked into, one of which may hold itself.
DEPTH = 3
# What is no part of a module's function, or looked at by itself.
OTHERS = frozenset(vars(nn.Module())) - {"training"}


def form_of(module: nn.Module) -> Hashable:
    """Equal as long as a module has the same parts and hooks, in the same modes, with the same attributes.

    Numbers and texts are compared, tensors by what they hold, buffers and other objects by whether they are the same ones, and
    what lists and dictionaries hold likewise. What changes within an object of somebody's own, or in a global name, is not
    seen. It is asked for at every step, and takes a few microseconds a layer.
    """
    return tuple([(each, *_parts(vars(each))) for each in module.modules()])


def _parts(values: dict[str, Any]) -> list[Hashable]:
    """Of a module with such attributes."""
    parts: list[Hashable] = [_part(value) for name, value in values.items() if name not in OTHERS]
    parts += [_Same(buffer) for buffer in values["_buffers"].values() if buffer is not None]
    return parts + [tuple(values[name]) for name in HOOKS if values[name]]


def _part(value: Any, depth: int = 0) -> Hashable:
    kind = type(value)
    if kind in PLAIN:
        return value
    if kind is Tensor:
        return _Unchanged(value)
    if kind in (list, tuple) and depth < DEPTH:
        return (kind, *[_part(each, depth + 1) for each in value])
    if kind is dict and depth < DEPTH:
        return (kind, *map(_Same, value), *[_part(each, depth + 1) for each in value.values()])
    return _Same(value)


class _Same:
    """An object, whatever it holds; it is kept, so that no other takes its place in memory."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.value is other.value

    def __hash__(self) -> int:
        return hash(id(self.value))


class _Unchanged(_Same):
    """A tensor with what it holds now."""

    def __init__(self, tensor: Tensor) -> None:
        super().__init__(tensor)
        self.version = tensor._version

    def __eq__(self, other: object) -> bool:
        return super().__eq__(other) and self.version == other.version  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash((id(self.value), self.version))
