"""Work between steps that takes its time: who watches a fit sees what it is."""

from collections.abc import Iterator
from contextlib import contextmanager

from pytorch_lightning import Trainer

from lightning_modules.training.notes import log_info

# Said without a bar: each once, not with every epoch.
SAID: set[str] = set()


@contextmanager
def shown_work(trainer: Trainer | None, what: str) -> Iterator[None]:
    """Say what is done in the block: by the trainer's bar if that shows work (`callbacks/fit_progress.py`), else by a note.

    Args:
        trainer: of the model; None without one.
        what: "judging: fitting the probe".
    """
    show = getattr(getattr(trainer, "progress_bar_callback", None), "work", None)
    if show is None:
        if what not in SAID:
            SAID.add(what)
            log_info(what)
        yield
        return
    with show(what):
        yield
