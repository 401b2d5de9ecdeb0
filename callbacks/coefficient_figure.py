"""The coefficients of a linear model, or their marginal effects, as a figure: which of them matter, and how sure that is."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from callbacks.measured_model import Estimate
from callbacks.names_as_text import in_figure
from callbacks.okabe_ito import BLUE

MOST_ROWS = 40
# Room for an arrow where an interval has no end, as a share of what is drawn.
MARGIN = 0.05


def draw_coefficients(table: Sequence[Estimate], num_features: int, level: float = 0.95, errors: str = "") -> Figure:
    """Estimates with their intervals, intercepts left out, the surest from 0 on top; at most 40.

    Of scaled features as scaled, so that they can be compared; the same in the table's own units, with its interval, is written
    on the right. Under a penalty there are no intervals: the largest is on top.

    Args:
        table: output by output, the intercept last, if there is one. (A feature may be called so.)
        num_features: of an output.
        level: of the intervals.
        errors: what they are of, "by HC1" for example, where that is not the usual.
    """
    # A model without intercepts has another output's coefficients there, or none.
    width = num_features + (len(table) > num_features and "intercept" in table[num_features].name)
    return draw_intervals(
        [row for place, row in enumerate(table) if place % width < num_features], "coefficient", level, errors
    )


def draw_intervals(all_rows: Sequence[Estimate], what: str, level: float = 0.95, errors: str = "") -> Figure:
    """The same of any numbers that belong to features, and are called so."""
    rows = sorted(all_rows, key=_rank)[:MOST_ROWS]
    is_sure = all(row.p_value is not None for row in rows)
    is_scaled = any(row.own_units is not None for row in rows)
    figure = Figure(figsize=(10, 1.2 + 0.28 * len(rows)), layout="constrained")
    axes = figure.subplots()
    axes.axvline(0, color="0.3", linewidth=0.8)
    for number, row in enumerate(rows):
        color = "0.6" if _holds_zero(row) else BLUE
        axes.plot(row.estimate, number, "o", color=color, markersize=5)
        if row.low is not None and row.high is not None:
            ends = [end if math.isfinite(end) else row.estimate for end in (row.low, row.high)]
            axes.plot(ends, [number, number], color=color, linewidth=2)
    _draw_endless(axes, rows)
    axes.set_yticks(range(len(rows)), [in_figure(row.name) for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    unit = "per unit of the scaled feature" if is_scaled else "per unit of the feature"
    interval = f", {100 * level:g} % interval{f' {errors}' if errors else ''} (grey: 0 inside)"
    axes.set_xlabel(f"{what} {unit}" + (interval if is_sure else "; a penalty leaves no interval"))
    right = axes.secondary_yaxis("right")
    right.set_yticks(range(len(rows)), [_with_interval(row.own_units or row) for row in rows])
    right.tick_params(length=0)
    heading = ("in own units" if is_scaled else what) + (f" ({100 * level:g} % interval)" if is_sure else "")
    axes.annotate(heading, (1, 1), (4, 4), xycoords="axes fraction", textcoords="offset points", fontstyle="italic")
    if len(all_rows) > len(rows):
        axes.set_title(f"the {len(rows)} {'surest' if is_sure else 'largest'} of {len(all_rows)}", fontsize=10)
    return figure


def _draw_endless(axes: Axes, rows: Sequence[Estimate]) -> None:
    """Arrows to the edge where intervals have no end."""
    left, right = axes.get_xlim()
    room = MARGIN * (right - left)
    for number, row in enumerate(rows):
        for end, edge in ((row.low, left - room), (row.high, right + room)):
            if end is not None and math.isinf(end):
                arrow = {"arrowstyle": "->", "linewidth": 2, "color": "0.6" if _holds_zero(row) else BLUE}
                axes.annotate("", (edge, number), (row.estimate, number), arrowprops=arrow)
                axes.set_xlim(min(edge, axes.get_xlim()[0]), max(edge, axes.get_xlim()[1]))


def _holds_zero(row: Estimate) -> bool:
    return row.low is not None and row.high is not None and row.low <= 0 <= row.high


def _rank(row: Estimate) -> tuple[float, float]:
    return (0.0 if row.p_value is None else row.p_value, -abs(row.estimate) if row.p_value is None else 0.0)


def _with_interval(row: Estimate) -> str:
    known = row.low is not None and row.high is not None
    return f"{row.estimate:.4g}" + (f" ({row.low:.3g} … {row.high:.3g})" if known else "")
