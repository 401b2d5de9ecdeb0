"""Figures of a report as files; one that cannot be drawn is said and left out."""

import re
from collections.abc import Callable, Collection
from pathlib import Path

from matplotlib.figure import Figure

from callbacks.drawn_figure import png


def save_figure(path: Path, draw: Callable[[], Figure]) -> list[Path]:
    """Write a PNG; its path, or nothing where it cannot be drawn, which a line on the error stream says."""
    drawn = png(path.name, draw)
    if drawn is None:
        return []
    path.write_bytes(drawn)
    return [path]


def file_stem(prefix: str, name: str, taken: Collection[str] = ()) -> str:
    """A name for a file out of one in a configuration, which is no path: letters, digits and strokes, and no other's."""
    plain = re.sub(r"[^\w-]+", "_", name)[:60]
    free = wanted = f"{prefix}_{plain}" if name else prefix
    number = 2
    while free in taken:
        number, free = number + 1, f"{wanted}_{number}"
    return free
