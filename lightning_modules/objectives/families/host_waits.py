"""Looking at a number on a device makes the host wait for it; at every mini-batch that would leave the device idle."""

from collections.abc import Callable

import torch
from torch import Tensor


def is_asynchronous(tensor: Tensor) -> bool:
    """Whether the tensor's device works on its own, so that the host waits to read a number of it: all but the CPU do."""
    return tensor.device.type != "cpu"


def refuse_any(bad: Tensor, message: Callable[[], str]) -> None:
    """Refuse rows of which any is bad: a boolean tensor of any shape.

    A device that works on its own is not waited for: it stops by itself, with an error at the next wait.

    Raises:
        ValueError: `message()`.
    """
    if is_asynchronous(bad):
        torch._assert_async(~bad.any())
    elif bad.any():
        raise ValueError(message())
