"""What other libraries warn of while they are measured does not stand between the tables.

Solvers that stop before their tolerance are among it: the answer is looked at instead, and one that is not there is no peer.
So are hooks of BackPACK, functions that torch deprecates and torch.func uses, and advice of Lightning to have more workers.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

LOGGERS = ("pytorch_lightning", "lightning_fabric", "torch_levenberg_marquardt.training")


@contextmanager
def unheard() -> Iterator[None]:
    """Ignores all warnings, and what these loggers say below an error; afterwards all is as it was."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
