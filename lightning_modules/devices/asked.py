"""Numbers of a device are read together: to read one is to wait until the device has done all that it was told to do before.

    a, b = asked(x.sum()), asked(x.max())       nothing is waited for
    if float(a) > 1 and float(b) < 2: …         one wait, for both

On the CPU, which nobody waits for, a number is read when it is needed, as ever.
"""

from threading import local
from weakref import ref

import torch
from torch import Tensor

from lightning_modules.devices.asynchronous import is_asynchronous


class Number:
    """A number of a device, read when it is first needed, and with it all others that were asked for and not read yet.

    Args:
        tensor: ().
    """

    def __init__(self, tensor: Tensor) -> None:
        self._tensor: Tensor | None = tensor.detach()
        self._value = 0.0
        _unread().append(ref(self))

    def __float__(self) -> float:
        if self._tensor is not None:
            _read_all()
        return self._value

    def __bool__(self) -> bool:
        return bool(float(self))


def asked(tensor: Tensor) -> Number | Tensor:
    """A number () that `float` and `bool` will read; of a device together with others."""
    return Number(tensor) if is_asynchronous(tensor) else tensor


class _Unread(local):
    """Of each thread its own: who drives a device knows what it asked it for."""

    def __init__(self) -> None:
        self.numbers: list[ref[Number]] = []


_here = _Unread()


def _unread() -> "list[ref[Number]]":
    return _here.numbers


def _read_all() -> None:
    numbers = [number for reference in _here.numbers if (number := reference()) is not None]  # the others nobody needs
    _here.numbers = []
    with torch.no_grad():
        values = torch.stack([number._tensor.double() for number in numbers if number._tensor is not None]).tolist()
    for number, value in zip(numbers, values, strict=True):
        number._tensor, number._value = None, value
