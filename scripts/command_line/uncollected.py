"""Imports without garbage collection: torch and Lightning make a million objects that stay, and a look at each, again and again
while they become more, takes a second of a start of six."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """A block of imports of which nothing is looked at by the garbage collector, then or later.

    Where torch has been imported already, as in tests, nothing is changed.
    """
    if not gc.isenabled() or "torch" in sys.modules:
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
