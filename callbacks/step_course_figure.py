"""The steps of a fit as one figure, on log axes."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from callbacks.log_scale import scale_log
from callbacks.okabe_ito import BLACK, BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILLION
from callbacks.rounding_level import draw_level, floored

# A step's number and what it had there.
Points = Sequence[tuple[int, float]]

OBJECTIVE = "train/objective"
GAIN, DAMPING = "curvature/gain_ratio", "curvature/damping"
PANELS = (
    ((OBJECTIVE,), "objective above its best", BLUE),
    (("curvature/gradient_max", "grad_norm/total"), "", VERMILLION),  # the first that there is
    (("curvature/newton_decrement",), "Newton decrement √(gᵀC⁻¹g)", GREEN),
    ((DAMPING,), "damping μ", ORANGE),
    ((GAIN,), "gain ratio: decrease ÷ predicted", PURPLE),
    (("step/length",), "length of the step ‖Δθ‖₂", SKY),
    (("step/lr",), "learning rate", BLACK),
)
GRADIENTS = {"curvature/gradient_max": "largest gradient entry ‖∇‖∞", "grad_norm/total": "gradient norm ‖∇‖₂"}
NAMES = frozenset(name for names, _, _ in PANELS for name in names)
MANY_STEPS = 100  # from so many on the steps are on a log axis as well
COLUMNS = 3


def draw_step_course(course: dict[str, Points], title: str, precision: float, is_optimal: bool = False) -> Figure:
    """A panel for each quantity of `PANELS` that there is.

    Args:
        course: points by the name they were logged under, at least one of them.
        title: of the figure.
        precision: the relative one that the objective is computed in.
        is_optimal: whether the method has ended at an optimum, so that the best is that to rounding.
    """
    panels = [(next(name for name in names if course.get(name)), label, color) for names, label, color in PANELS
              if any(course.get(name) for name in names)]  # fmt: skip
    columns = min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    width, height = 0.4 + 3.4 * columns, 0.4 + 2.6 * rows
    # Places of their own: to have a layout find them takes half as long again, and more than a small fit.
    figure = Figure(figsize=(width, height))
    figure.subplots_adjust(0.75 / width, 0.5 / height, 1 - 0.15 / width, 1 - 0.35 / height, 0.36, 0.28)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (name, label, color) in zip(grid, panels, strict=False):
        steps, values = (np.asarray(side, dtype=float) for side in zip(*course[name], strict=True))
        finite = np.isfinite(values)
        steps, values = steps[finite], values[finite]
        if name == OBJECTIVE and len(values):
            values = above_best(axes, values, precision, is_optimal)
        plot_positive(axes, steps, values, color, "the best" if name == OBJECTIVE else "0 or less")
        if name == GAIN:
            axes.axhline(1, color="0.5", linewidth=0.8, linestyle=":")
        axes.set_xlabel("step")
        axes.set_ylabel(label or GRADIENTS[name], fontsize=9)
    for axes in grid[len(panels) :]:
        axes.remove()
    figure.suptitle(title, fontsize=10)
    return figure


def above_best(axes: Axes, values: np.ndarray, precision: float, is_optimal: bool = False) -> np.ndarray:
    """How far values (k,) are above the smallest of them.

    Where they come near it, or it is the optimum, what is less than rounding leaves to be seen is drawn at that level, which
    has a line of its own. Elsewhere the best is one value among many, and stays 0.
    """
    best = values.min()
    above = values - best
    level = precision * abs(best)
    if not level or not (is_optimal or np.any((above > 0) & (above <= precision**0.5 * abs(best)))):
        return above
    draw_level(axes, level)
    return floored(values, best, level)


def plot_positive(axes: Axes, steps: np.ndarray, values: np.ndarray, color: str, rest: str) -> None:
    """Values (k,) against steps (k,) on log axes; triangles at the lower edge stand for the rest, which are 0 or less."""
    positive = values > 0
    if not positive.any():
        what = "0 in every step" if len(values) and not values.any() else "never above 0"
        axes.text(0.5, 0.5, what, transform=axes.transAxes, ha="center", va="center", color="0.4")
        axes.set(xticks=[], yticks=[])
        return
    lowest = values[positive].min()
    marker = "o" if len(values) <= MANY_STEPS else None
    axes.plot(steps[positive], values[positive], color=color, marker=marker, markersize=3, linewidth=1.2)
    if not positive.all():
        lowest /= 3
        edge = np.full(np.count_nonzero(~positive), lowest)
        axes.plot(steps[~positive], edge, "v", color=color, markersize=5, markerfacecolor="none", label=rest)
        axes.legend(fontsize=7, frameon=False)
    scale_log(axes.yaxis, [lowest, *values])
    if steps[-1] >= MANY_STEPS:
        axes.set_xscale("symlog", linthresh=1)
        axes.set_xlim(left=0)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        if steps[0] == steps[-1]:
            axes.set_xlim(steps[0] - 1, steps[0] + 1)
    axes.grid(alpha=0.3)
