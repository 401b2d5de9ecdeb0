"""The coefficients of a linear model as a figure: which of them matter, and how sure that is."""

from matplotlib.figure import Figure

from callbacks.measured_model import Estimate
from callbacks.names_as_text import in_figure

MOST_ROWS = 40


def draw_coefficients(table: list[Estimate], num_features: int, level: float = 0.95) -> Figure:
    """Estimates with their intervals, intercepts left out, the surest from 0 on top; at most 40.

    Of scaled features as scaled, so that they can be compared; the same in the table's own units is written on the right. Under
    a penalty there are no intervals: the largest is on top.

    Args:
        table: output by output, the intercept last, if there is one. (A feature may be called so.)
        num_features: of an output.
        level: of the intervals.
    """
    # A model without intercepts has another output's coefficients there, or none.
    width = num_features + (len(table) > num_features and "intercept" in table[num_features].name)
    slopes = [row for place, row in enumerate(table) if place % width < num_features]
    rows = sorted(slopes, key=_rank)[:MOST_ROWS]
    is_sure = all(row.p_value is not None for row in rows)
    is_scaled = any(row.own_units is not None for row in rows)
    figure = Figure(figsize=(10 if is_scaled else 8, 1.2 + 0.28 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for number, row in enumerate(rows):
        color = "C0"
        if row.low is not None and row.high is not None:
            color = "C0" if row.low > 0 or row.high < 0 else "0.6"
            axes.plot([row.low, row.high], [number, number], color=color, linewidth=2)
        axes.plot(row.estimate, number, "o", color=color, markersize=5)
    axes.axvline(0, color="0.3", linewidth=0.8)
    axes.set_yticks(range(len(rows)), [in_figure(row.name) for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    unit = "per unit of the scaled feature" if is_scaled else "per unit of the feature"
    axes.set_xlabel(
        f"coefficient {unit}"
        + (f", {100 * level:g} % interval (grey: 0 inside)" if is_sure else "; a penalty leaves no interval")
    )
    if is_scaled:
        right = axes.secondary_yaxis("right")
        right.set_yticks(range(len(rows)), [_with_error(row.own_units or row) for row in rows])
        right.tick_params(length=0)
        heading = "in own units" + (", ± standard error" if is_sure else "")
        axes.annotate(heading, (1, 1), (4, 4), xycoords="axes fraction", textcoords="offset points", fontstyle="italic")
    if len(slopes) > len(rows):
        axes.set_title(f"the {len(rows)} {'surest' if is_sure else 'largest'} of {len(slopes)}", fontsize=10)
    return figure


def _rank(row: Estimate) -> tuple[float, float]:
    return (0.0 if row.p_value is None else row.p_value, -abs(row.estimate) if row.p_value is None else 0.0)


def _with_error(row: Estimate) -> str:
    return f"{row.estimate:.4g}" + ("" if row.standard_error is None else f" ± {row.standard_error:.2g}")
