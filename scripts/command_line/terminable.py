"""Being asked to end: SIGTERM, by which systems and schedulers do, and SIGHUP, of a terminal that is closed, are as Ctrl-C."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

ENDINGS = (signal.SIGTERM, signal.SIGHUP)
# After a request that was lost; a collection of garbage, in which it can be lost again, takes as long.
SECONDS = 0.2
# Whether something ends by itself when it is asked to.
LEFT: list[bool] = []


@contextmanager
def raise_when_asked_to_end() -> Iterator[None]:
    """Raise KeyboardInterrupt at SIGTERM and SIGHUP within the block, unless that is left to what runs there.

    Not where somebody has an answer of their own, nor outside the main thread, where no signals arrive. Python ignores what is
    raised while it collects garbage, Ctrl-C too; that is asked for again.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ours = [number for number in ENDINGS if signal.getsignal(number) is signal.SIG_DFL]
    before = sys.unraisablehook

    def again(ignored: Any) -> None:
        if isinstance(ignored.exc_value, KeyboardInterrupt):
            number = signal.SIGTERM if signal.getsignal(signal.SIGINT) is signal.SIG_IGN else signal.SIGINT
            timer = threading.Timer(SECONDS, os.kill, (os.getpid(), number))
            timer.daemon = True
            timer.start()
        else:
            before(ignored)

    for number in ours:
        signal.signal(number, _raise)
    sys.unraisablehook = again
    try:
        yield
    finally:
        sys.unraisablehook = before
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def sigterm_left_to_trainer() -> Iterator[None]:
    """Within the block Lightning's trainer sees SIGTERM, and ends at the end of a batch, on all processes at the same one."""
    LEFT.append(True)
    try:
        yield
    finally:
        LEFT.pop()


def _raise(number: int, *_: Any) -> None:
    # It does not listen yet while it sets everything up.
    does_trainer_listen = LEFT and number == signal.SIGTERM and signal.getsignal(signal.SIGTERM) is not _raise
    if not does_trainer_listen:
        raise KeyboardInterrupt
