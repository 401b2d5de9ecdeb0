"""A figure as a file that says in words what it shows, so that a page can pass that on."""

from pathlib import Path
from typing import IO, Any

from matplotlib.figure import Figure

from callbacks.alt_text import alt_text

DPI = 130
# Where each format keeps a description.
KEYS = {"png": "Description", "svg": "Description", "pdf": "Subject"}


def write_picture(figure: Figure, target: Path | IO[bytes], form: str | None = None, dpi: int = DPI) -> None:
    """Write it to a path, whose ending is the format, or to an open file.

    Args:
        figure: with its axes named.
        target: where to.
        form: the format of an open file.
        dpi: dots for each inch.
    """
    form = form or Path(str(target)).suffix[1:].lower()
    metadata: dict[str, Any] = {KEYS[form]: alt_text(figure)} if form in KEYS else {}
    figure.savefig(target, dpi=dpi, format=form or None, metadata=metadata or None)
