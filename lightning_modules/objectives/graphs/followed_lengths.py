"""`len(x)` in a `forward` while it is followed: torch's tracer has no number for it, but x.shape[0] it can follow."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import fx, nn


@contextmanager
def followed_lengths(module: nn.Module) -> Iterator[None]:
    """Let `len` mean that in every `forward` of a module and what it is made of, and afterwards what it meant before."""
    scopes = {id(scope): scope for each in module.modules() if (scope := _names_of_forward(each)) is not None}
    changed = [scope for scope in scopes.values() if "len" not in scope]
    for scope in changed:
        scope["len"] = _length
    try:
        yield
    finally:
        for scope in changed:
            del scope["len"]


def _names_of_forward(module: nn.Module) -> dict[str, Any] | None:
    """The names that a module's `forward` finds outside of itself; None of torch's own modules."""
    if type(module).__module__.startswith("torch."):
        return None
    return getattr(type(module).forward, "__globals__", None)


def _length(x: Any) -> Any:
    if isinstance(x, fx.Proxy):
        shape: Any = x.shape
        return shape[0]
    return len(x)
