"""`torch.zeros(len(x), 4)` in a `forward` while it is followed: torch takes what stands for a number within a tuple only."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, fx

# Which take sizes one by one.
BY_SIZES = ("zeros", "ones", "empty")


@contextmanager
def followed_sizes() -> Iterator[None]:
    """Let these take such numbers one by one too, and afterwards do what they did before."""
    before: dict[str, Callable[..., Tensor]] = {name: getattr(torch, name) for name in BY_SIZES}
    for name, function in before.items():
        setattr(torch, name, _together(function))
    try:
        yield
    finally:
        for name, function in before.items():
            setattr(torch, name, function)


def _together(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def made(*sizes: Any, **options: Any) -> Tensor:
        is_open = len(sizes) > 1 and any(isinstance(each, fx.Proxy) for each in sizes)
        return function(sizes, **options) if is_open else function(*sizes, **options)

    return made
