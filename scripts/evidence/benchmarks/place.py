"""A device to measure on: what Lightning has to be told of it, and how it is found out that the host waits for it."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple

import torch

# By what torch says of it.
SYNCHRONISATION = "synchronizing CUDA operation"
# Called within or after a block that counts: how often the host has waited in it so far, or after its end in all of it.
Count = Callable[[], int]


class Place(NamedTuple):
    """Where something is measured.

    Attributes:
        device: the tensors' device.
        counting: counts in a block how often the host waits for the device, copies that it is held up by included.
        trainer: makes the options of a Trainer that fits there.
    """

    device: torch.device
    counting: Callable[[], AbstractContextManager[Count]]
    trainer: Callable[[], dict[str, Any]]


@contextmanager
def cuda_waits() -> Iterator[Count]:
    """Counts what torch warns of in `torch.cuda.set_sync_debug_mode`; nothing where there is no GPU."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if torch.cuda.is_available():
            torch.cuda.set_sync_debug_mode("warn")
        try:
            yield lambda: sum(SYNCHRONISATION in str(warning.message) for warning in caught)
        finally:
            if torch.cuda.is_available():
                torch.cuda.set_sync_debug_mode("default")


GPU = Place(torch.device("cuda"), cuda_waits, lambda: {"accelerator": "gpu", "devices": 1})
CPU = Place(torch.device("cpu"), cuda_waits, lambda: {"accelerator": "cpu", "devices": 1})
