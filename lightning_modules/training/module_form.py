"""What a module computes besides its parameters and buffers, as far as it can be seen: to notice that it has been changed."""

from collections.abc import Hashable

from torch import Tensor, nn

PLAIN = (bool, int, float, str, type(None))


def form_of(module: nn.Module) -> Hashable:
    """Equal as long as a module has the same parts, in the same modes, with the same plain attributes and plain tensors.

    What stands elsewhere, in an object of somebody's own or in a global name, is not seen.
    """
    return tuple((each, *_attributes(each)) for each in module.modules())


def _attributes(module: nn.Module) -> list[tuple[str, Hashable]]:
    return [(name, _seen(value)) for name, value in vars(module).items() if isinstance(value, (*PLAIN, Tensor))]


def _seen(value: Hashable) -> Hashable:
    return (id(value), value.data_ptr(), value._version) if isinstance(value, Tensor) else (type(value), value)
