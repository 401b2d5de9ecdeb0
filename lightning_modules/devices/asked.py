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
    """A number of a device, read when it is first needed, and with it all others that were asked for there and not read yet.

    Args:
        tensor: ().
    """

    def __init__(self, tensor: Tensor) -> None:
        self.device, self._value = tensor.device, 0.0
        self._tensor: Tensor | None = tensor.detach()
        _unread.numbers.append(ref(self))

    def __float__(self) -> float:
        if self._tensor is not None:
            numbers = _unread.on(self.device)
            _read(numbers if self in numbers else [*numbers, self])  # another thread may have asked for it
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

    def on(self, device: torch.device) -> list[Number]:
        """Those of a device, taken out; those that nobody needs any more are dropped."""
        alive = [number for reference in self.numbers if (number := reference()) is not None and number._tensor is not None]
        self.numbers = [ref(number) for number in alive if number.device != device]
        return [number for number in alive if number.device == device]


_unread = _Unread()


def _read(numbers: list[Number]) -> None:
    values = torch.stack([number._tensor.double() for number in numbers if number._tensor is not None]).cpu().tolist()
    for number, value in zip(numbers, values, strict=True):
        number._tensor, number._value = None, value
