"""Looking at a number on a device makes the host wait for it; at every mini-batch that would leave the device idle."""

from collections.abc import Callable

import torch
from torch import Tensor


def runs_ahead(tensor: Tensor) -> bool:
    """Whether the host works ahead of the tensor's device, so that a number of it costs a wait: everywhere but on the CPU."""
    return tensor.device.type != "cpu"


def refuse_any(bad: Tensor, message: Callable[[], str]) -> None:
    """Refuse rows of which any is bad: a boolean tensor of any shape.

    A device that the host runs ahead of is not waited for: it stops by itself, with an error at the next wait.

    Raises:
        ValueError: `message()`.
    """
    if runs_ahead(bad):
        torch._assert_async(~bad.any())
    elif bad.any():
        raise ValueError(message())
