"""Which devices work on their own."""

from torch import Tensor


def is_asynchronous(tensor: Tensor) -> bool:
    """Whether the tensor's device works on its own, so that the host waits to read a number of it: all but the CPU do."""
    return tensor.device.type != "cpu"
