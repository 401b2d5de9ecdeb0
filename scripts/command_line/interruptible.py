"""Ctrl-C while a program is still being imported: one line, as later. Programs import this first; it needs next to nothing."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from command_line.uncollected import uncollected

PRESSED: list[bool] = []


def _end(*_: Any) -> NoReturn:
    """Nothing has begun that would have to be ended in order, and an import that is broken off says a page."""
    os.write(2, b"interrupted\n")
    os._exit(130)


def answer_ctrl_c() -> None:
    """End by one line at Ctrl-C until `raise_at_ctrl_c`; only in a program of this folder, not where one is imported."""
    program = os.path.abspath(getattr(sys.modules["__main__"], "__file__", None) or "")
    is_ours = os.path.dirname(program) == os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if is_ours and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def raise_at_ctrl_c() -> None:
    """Raise KeyboardInterrupt at Ctrl-C, as Python does; what was begun is then ended in order."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, _raise)


@contextmanager
def importing() -> Iterator[None]:
    """A block of imports, without garbage collection, in which Ctrl-C ends the program as before `raise_at_ctrl_c`.

    Some libraries answer whatever is raised while they are imported, KeyboardInterrupt too, and go on.
    """
    ends_later = signal.getsignal(signal.SIGINT) is _raise
    if ends_later:
        signal.signal(signal.SIGINT, _end)
    try:
        with uncollected():
            yield
    finally:
        if ends_later:
            signal.signal(signal.SIGINT, _raise)


def _raise(*_: Any) -> NoReturn:
    PRESSED.append(True)
    raise KeyboardInterrupt


def was_pressed() -> bool:
    """Whether there has been a Ctrl-C: a compiled module that it reaches in its import makes an ImportError of it."""
    return bool(PRESSED)


answer_ctrl_c()
