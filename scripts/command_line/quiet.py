"""What the libraries below log and warn of, and whether the user sees it."""

import logging
import threading
import warnings
from collections.abc import Callable

from command_line.saying import PlainFormatter


def quiet() -> None:
    """Keep Lightning's advertisements and what its own dependencies deprecate out of the user's sight.

    After it has been imported, which sets how much of its log is shown.
    """
    for name in ("pytorch_lightning", "lightning_fabric", "lightning.pytorch", "torch.distributed"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.WARNING)
        for handler in logger.handlers:
            handler.setFormatter(PlainFormatter())
    # But not that the launcher ends a run of several processes because one of them has ended.
    logging.getLogger("lightning_fabric.strategies.launchers.subprocess_script").setLevel(logging.INFO)
    warnings.filterwarnings("ignore", "LightningCLI.s args parameter is intended")  # base_config.py rewrites them
    warnings.filterwarnings("ignore", "`isinstance.treespec, LeafSpec.` is deprecated")
    warnings.filterwarnings("ignore", "`torch.jit.script(_method)?` is (deprecated|not supported)")  # torch.func uses it
    warnings.filterwarnings("ignore", r"torch.distributed.nn.functional.all_gather is deprecated")  # Lightning uses it
    warnings.filterwarnings("ignore", "Using ModelCheckpoint with manual optimization")  # the weights after a step are wanted
    warnings.filterwarnings("ignore", r"You are trying to `self.log\(\)` but `Trainer\(barebones=True\)`")  # as asked for
    warnings.filterwarnings("ignore", r"Checkpoint directory [\s\S]* exists and is not empty")  # a resumed run continues in it
    warnings.filterwarnings("ignore", r"Experiment logs directory [\s\S]* exists and is not empty")  # and its rows are kept
    # Of a fit that is given a model and no checkpoint, only because there is an OnExceptionCheckpoint.
    warnings.filterwarnings("ignore", "`.fit.ckpt_path=None.` was called without a model")
    warnings.filterwarnings("ignore", r".fit.ckpt_path=.last.. is set, but there is no last checkpoint")
    warnings.filterwarnings("ignore", "The dirpath has changed from")  # resumed from a named file, a run finds its own best

    if not isinstance(threading.excepthook, _LeftToMainThread):
        threading.excepthook = _LeftToMainThread(threading.excepthook)


class _LeftToMainThread:
    """TensorBoard writes in a thread, whose failure the next call of its writer raises again where it is answered."""

    def __init__(self, others: Callable[[threading.ExceptHookArgs], object]) -> None:
        self._others = others

    def __call__(self, failed: threading.ExceptHookArgs) -> None:
        if type(failed.thread).__name__ != "_AsyncWriterThread":
            self._others(failed)


def show_notes() -> None:
    """Show what the project's models and callbacks log, a line each."""
    for name in ("lightning_modules", "callbacks"):
        notes = logging.getLogger(name)
        notes.handlers = [logging.StreamHandler()]
        notes.handlers[0].setFormatter(PlainFormatter(lines=False))
        notes.setLevel(logging.INFO)
