"""What is slow on a device, counted: while the host waits the device runs empty, and every kernel takes time to be launched."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
import torch

# Said by the module that all others import: one that is left out after it has defined a callback would still be found by who
# looks through all classes of callbacks, and imported again.
if torch.cuda.is_available():
    pytest.skip("torch knows one device beside the CPU at a time, and this machine has a real one", allow_module_level=True)


@dataclass(eq=False)
class Counts:
    """What has happened on the device.

    Attributes:
        waits: operations for whose numbers the host waited, by name: a number read, a copy to the host, a shape that depends
            on numbers.
        copies: names of the operations that copied to the device and blocked until the copy was done.
        kernels: operations launched there, those that only look at memory in another way not counted.
        moved_bytes: copied between host and device, both ways.
        kernel_names: how many of each.
    """

    waits: list[str] = field(default_factory=list)
    copies: list[str] = field(default_factory=list)
    kernels: int = 0
    moved_bytes: int = 0
    kernel_names: dict[str, int] = field(default_factory=dict)


_counting: list[Counts] = []


@contextmanager
def counting() -> Iterator[Counts]:
    """Counts what happens on the device inside the block."""
    counts = Counts()
    _counting.append(counts)
    try:
        yield counts
    finally:
        _counting.remove(counts)


def waited(operation: str) -> None:
    """The host waited for the device."""
    for counts in _counting:
        counts.waits.append(operation)


def copied(operation: str) -> None:
    """The host was held up by a copy to the device."""
    for counts in _counting:
        counts.copies.append(operation)


def moved(size: int) -> None:
    """So many bytes went from one to the other."""
    for counts in _counting:
        counts.moved_bytes += size


def launched(operation: str) -> None:
    """A kernel was launched."""
    for counts in _counting:
        counts.kernels += 1
        counts.kernel_names[operation] = counts.kernel_names.get(operation, 0) + 1
