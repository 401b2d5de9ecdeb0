"""SIGTERM, by which systems and schedulers end a program: as Ctrl-C, so that nothing is left half-written."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Whether something ends by itself when it is asked to.
LEFT: list[bool] = []


@contextmanager
def raise_at_sigterm() -> Iterator[None]:
    """Raise KeyboardInterrupt at SIGTERM within the block, unless it is left to what runs there.

    Not where somebody has an answer of their own, nor outside the main thread, where no signals arrive.
    """
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _raise)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def sigterm_left_to_trainer() -> Iterator[None]:
    """Within the block Lightning's trainer sees SIGTERM, and ends at the end of a batch, on all processes at the same one."""
    LEFT.append(True)
    try:
        yield
    finally:
        LEFT.pop()


def _raise(*_: Any) -> None:
    does_trainer_listen = LEFT and signal.getsignal(signal.SIGTERM) is not _raise  # not yet while it sets everything up
    if not does_trainer_listen:
        raise KeyboardInterrupt
