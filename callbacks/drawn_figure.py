"""Figures that cost a line where they cannot be drawn, and never the run."""

import io
import logging
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from pytorch_lightning import Trainer
from pytorch_lightning.loggers import TensorBoardLogger

from callbacks.picture_file import write_picture

T = TypeVar("T")
log = logging.getLogger(__name__)


def drawn_or_said(what: str, draw: Callable[[], T]) -> T | None:
    """What `draw` returns; None, and a line that says what could not be drawn and why, if it raises anything.

    A figure comes last: all that it shows has been computed, and must not be lost with it.
    """
    try:
        # Names are no TeX, whatever the user's settings of matplotlib are.
        with warnings.catch_warnings(), mpl.rc_context({"text.usetex": False}):
            # Letters that no font has, which are drawn as boxes, and names that leave no room.
            warnings.simplefilter("ignore", UserWarning)
            return draw()
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        log.warning("%s could not be drawn (%s%s)", what, type(error).__name__, f": {reason}" if reason else "")
        return None


def log_figure(trainer: Trainer, tag: str, draw: Callable[[], Figure], step: int) -> None:
    """Put a figure into TensorBoard, if the run has it; one that cannot be drawn is left out, and that is said."""
    loggers = [logger for logger in trainer.loggers if isinstance(logger, TensorBoardLogger)]
    if not loggers or not trainer.is_global_zero:
        return
    pixels = drawn_or_said(f"the figure {tag!r}", lambda: _pixels(draw()))
    if pixels is not None:
        for logger in loggers:
            logger.experiment.add_image(tag, pixels, step, dataformats="HWC")


def png(what: str, draw: Callable[[], Figure]) -> bytes | None:
    """A figure as a PNG file; None where it cannot be drawn, which is said."""

    def content() -> bytes:
        written = io.BytesIO()
        write_picture(draw(), written, "png")
        return written.getvalue()

    return drawn_or_said(f"the figure {what}", content)


def _pixels(figure: Figure) -> Any:
    """(h, w, 3), a byte for each colour."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]
