"""A table of published numbers as bars, with ours beside them."""

from math import isnan, nan
from pathlib import Path

from matplotlib.figure import Figure

from callbacks.okabe_ito import BLUE
from callbacks.picture_file import write_picture


def draw_bars(published: dict[str, float], here: dict[str, float], name: str, path: Path) -> Path:
    """Write a figure with two bars for each method and return its path.

    Args:
        published: numbers by method; a method without one has no bar.
        here: ours by method.
        name: of the axis.
        path: file to write.
    """
    labels = list(dict.fromkeys([*here, *published]))
    figure = Figure(figsize=(9, 1.2 + 0.6 * len(labels)), layout="constrained")
    axes = figure.subplots()
    for shift, legend, color, numbers in ((-0.2, "published", "0.6", published), (0.2, "here", BLUE, here)):
        values = [numbers.get(label, nan) for label in labels]
        places = [place + shift for place in range(len(labels))]
        bars = axes.barh(places, values, 0.38, color=color, label=legend)
        axes.bar_label(bars, ["" if isnan(value) else f"{value:.4g}" for value in values], padding=3, fontsize=9)
    axes.set_yticks(range(len(labels)), labels)
    axes.invert_yaxis()
    axes.set_xlabel(name)
    axes.set_xlim(0, 1.12 * max([*published.values(), *here.values()]))
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    write_picture(figure, path)
    return path
