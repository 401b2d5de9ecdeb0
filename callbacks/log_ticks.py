"""Numbers at a logarithmic axis: never so many that they touch, never none."""

from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, LogLocator, MaxNLocator, NullLocator

# Over less than so many powers of ten numbers between these are ticks too; over less than that, evenly spaced ones.
TWO_DECADES, HALF_A_DECADE = 100, 5


def tick_log(axis: Axis, lowest: float, highest: float) -> None:
    """Ticks between two values, plain numbers where powers of ten alone would be too few.

    Matplotlib's own are labels such as 6×10⁻¹, which are written across each other.
    """
    axis.set_minor_locator(NullLocator())
    if highest >= TWO_DECADES * lowest:
        return
    if highest == lowest:
        axis.set_major_locator(FixedLocator([lowest]))
    else:
        is_narrow = highest < HALF_A_DECADE * lowest
        axis.set_major_locator(MaxNLocator(4) if is_narrow else LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:.4g}")
