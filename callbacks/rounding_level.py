"""Where a distance from an optimum ends: what is nearer than rounding leaves to be seen is drawn at that level, with a line."""

import numpy as np
from matplotlib.axes import Axes


def draw_level(axes: Axes, level: float) -> None:
    """The line, and what it is."""
    axes.axhline(level, color="0.5", linewidth=0.8, linestyle=":")
    axes.annotate("rounding", (0, level), (3, 2), xycoords=("axes fraction", "data"), textcoords="offset points",
                  fontsize=7, color="0.4")  # fmt: skip


def floored(values: np.ndarray, best: float, level: float) -> np.ndarray:
    """How far values (k,) are above the best, at least the level; nan and infinity stay."""
    return np.where(np.isnan(values), values, np.maximum(values - best, level))
