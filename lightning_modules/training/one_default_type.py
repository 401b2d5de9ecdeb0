"""Fits in several threads of a process, which share what torch takes for the default floating type.

Lightning changes that type for each step of a fit in another precision than float32. A fit in another thread would meanwhile
make its numbers of the wrong type, and the last to put the type back may leave it wrong for all.
"""

import threading
import weakref
from typing import Any

from pytorch_lightning import Trainer
from pytorch_lightning.trainer.states import TrainerStatus

# Precisions with a default type of their own; the mixed ones leave it.
CHANGING = ("64-true", "16-true", "bf16-true")
# The trainer that was last at work in each thread, by the thread's number.
_trainers: dict[int, "weakref.ref[Trainer]"] = {}
_lock = threading.Lock()


def refuse_beside_others(trainer: Trainer) -> None:
    """Note that a trainer is at work in this thread, unless one in another thread excludes it.

    Raises:
        ValueError: one of the two has another precision than float32.
    """
    with _lock:
        others = _others_at_work()
        changing = [each for each in (trainer, *others) if each.precision in CHANGING]
        if others and changing:
            raise ValueError(
                f"{_words(others[0])} in another thread of this process, and precision={changing[0].precision!r} needs torch's "
                "default type, which all threads share, for itself: fit one after the other, or each in a process of its own"
            )
        _trainers[threading.get_ident()] = weakref.ref(trainer)


def refuse_borrowed_type() -> None:
    """Refuse to make a model of a default type that another thread's fit has set for itself.

    Raises:
        ValueError: says so.
    """
    if not _trainers:
        return
    with _lock:
        changing = [each for each in _others_at_work() if each.precision in CHANGING]
    if changing:
        raise ValueError(
            f"{_words(changing[0])} in another thread of this process, and a model made meanwhile would have its precision, "
            f"{changing[0].precision!r}: make it before, or in a process of its own"
        )


def _others_at_work() -> list[Any]:
    own, alive = threading.get_ident(), {thread.ident for thread in threading.enumerate()}
    found = []
    for number, reference in list(_trainers.items()):
        trainer = reference()
        if trainer is None or number not in alive:
            del _trainers[number]
        elif number != own and trainer.state.status == TrainerStatus.RUNNING:
            found.append(trainer)
    return found


def _words(trainer: Trainer) -> str:
    return f"a {trainer.state.fn.value if trainer.state.fn else 'fit'} goes on"
