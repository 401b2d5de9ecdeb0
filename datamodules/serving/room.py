"""Whether the rows of a part of the data have room on the device of a model, or stay on the host and are read from there."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def free_bytes(device: torch.device) -> int | None:
    """Memory of a device that nobody has taken; None where it does not say, as a processor does not."""
    mem_get_info = getattr(torch.get_device_module(device), "mem_get_info", None)
    return None if mem_get_info is None else int(mem_get_info(device)[0])


class Room:
    """Rows that take at most half of a device's free memory, in the model's type, have room there.

    The other half is for what is computed from them. It is looked at once for each part, when first asked for: while rows are
    there less is free, and what has been decided stays. Several processes decide together, since batches depend on it.
    """

    def __init__(self) -> None:
        self._decided: dict[tuple[object, ...], bool] = {}

    def has_room(
        self,
        part: str,
        rows: tuple[Tensor, ...],
        device: torch.device,
        dtype: torch.dtype | None,
        agreed: Callable[[bool], bool] = lambda own: own,
    ) -> bool:
        """Whether all rows that this process has of a part, (features, targets), have room on a device.

        Args:
            part, rows: whose rows they are, and which.
            device, dtype: where, and in which floating type.
            agreed: takes what this process says to what all of them do.
        """
        key = part, device, dtype
        if key not in self._decided:
            free = free_bytes(device)
            self._decided[key] = free is None or agreed(bytes_in(rows, dtype) <= free // 2)
        return self._decided[key]

    def forget(self) -> None:
        """Look anew when next asked."""
        self._decided.clear()


def bytes_in(rows: tuple[Any, ...], dtype: torch.dtype | None) -> int:
    """Of features, in a floating type, and targets as they are."""
    features, *others = rows
    size = features.element_size() if dtype is None else dtype.itemsize
    return int(features.numel() * size + sum(part.nbytes for part in others))
