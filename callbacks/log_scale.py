"""A logarithmic axis: numbers never so many that they touch, never none."""

from collections.abc import Iterable
from math import inf

from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, LogLocator, MaxNLocator, NullLocator

# Over less than so many powers of ten numbers between these are ticks too; over less than that, evenly spaced ones.
TWO_DECADES, HALF_A_DECADE = 100, 5


def scale_log(axis: Axis, drawn: Iterable[float]) -> None:
    """Make an axis logarithmic, with plain numbers at it where powers of ten alone would be too few.

    Matplotlib's own are labels such as 6×10⁻¹, which are written across each other.

    Args:
        axis: of the figure.
        drawn: what is drawn along it; what has no logarithm is passed over.
    """
    if axis is axis.axes.xaxis:
        axis.axes.set_xscale("log")
    else:
        axis.axes.set_yscale("log")
    axis.set_minor_locator(NullLocator())
    positive = [value for value in drawn if 0 < value < inf] or [1.0]
    lowest, highest = min(positive), max(positive)
    if highest >= TWO_DECADES * lowest:
        return
    if highest == lowest:
        axis.set_major_locator(FixedLocator([lowest]))
    else:
        is_narrow = highest < HALF_A_DECADE * lowest
        axis.set_major_locator(MaxNLocator(4) if is_narrow else LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:.4g}")
