"""What a callback does between steps, shown by the bar of a fit."""

from contextlib import AbstractContextManager, nullcontext

from pytorch_lightning import Trainer


def shown_work(trainer: Trainer, what: str) -> AbstractContextManager[None]:
    """A block in which the trainer's bar says what is done, if it is one that does (`fit_progress.py`).

    Args:
        trainer: of the fit.
        what: "judging: nearest neighbours".
    """
    show = getattr(trainer.progress_bar_callback, "work", None)
    return nullcontext() if show is None else show(what)
