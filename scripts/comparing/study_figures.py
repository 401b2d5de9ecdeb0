"""The figures of a study: validation against epochs, seconds and gradients, and the test score of every seed."""

from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from callbacks.names_as_text import in_figure
from comparing.saved_figure import file_stem, save_figure
from comparing.study import Study, is_score

AXES = {"epochs": "epochs", "seconds": "seconds of training", "gradients": "gradients over the training rows in that time"}


def draw_study(studies: list[Study], select: str, output: Path) -> list[Path]:
    """Write a figure of curves for each group, and one of all test scores; return the paths of those that could be drawn."""
    paths: list[Path] = []
    studies = [study for study in studies if not study.diverged]
    followed = [study for study in studies if study.has_course]
    for group in dict.fromkeys(study.group for study in followed):
        members = [study for study in followed if study.group == group]
        stem = file_stem("curves", group, [path.stem for path in paths])
        paths += save_figure(output / f"{stem}.png", partial(draw_group, members, select))
    metric = "test/" + select.rpartition("/")[2]
    return [*paths, *save_figure(output / "test_scores.png", lambda: draw_all_scores(studies, metric))]


def draw_group(members: list[Study], select: str) -> Figure:
    """The curves of some methods against epochs, seconds and gradients."""
    figure = Figure(figsize=(12, 4.2), layout="constrained")
    for axes, against in zip(figure.subplots(1, 3, sharey=True), AXES, strict=True):
        draw_curves(axes, members, select, against)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4, frameon=False)
    return figure


def draw_all_scores(studies: list[Study], metric: str) -> Figure:
    """A figure of `draw_scores`."""
    figure = Figure(figsize=(9, 1.2 + 0.38 * len(studies)), layout="constrained")
    draw_scores(figure.subplots(), studies, metric)
    return figure


def draw_curves(axes: Axes, studies: list[Study], select: str, against: str) -> None:
    """The median over seeds, on a logarithmic axis; a score as what is missing to 1, in percent."""
    for number, study in enumerate(studies):
        values = study.curve(select)
        if is_score(select):
            values = [100 * (1 - value) for value in values]
        x = list(range(1, len(values) + 1)) if against == "epochs" else study.curve("seconds")
        if against == "gradients":
            unit = gradient_seconds(studies)
            x = [seconds / unit for seconds in x]
        style: dict[str, Any] = {"color": f"C{number % 10}", "linestyle": "-" if number < 10 else "--"}
        axes.plot(x, values, linewidth=2.4 if number == 0 else 1.4, label=in_figure(study.label), **style)
        axes.plot(x[-1], values[-1], "o", color=style["color"], markersize=4)
    axes.set_yscale("log")
    if against != "epochs":
        axes.set_xscale("log")  # what is quick has room there, and what is slow
    axes.set_xlabel(AXES[against])
    if against == "epochs":
        name = in_figure(select.rpartition("/")[2])
        axes.set_ylabel(f"100 % − validation {name}" if is_score(select) else f"validation {name}")
    plain = FuncFormatter(lambda value, _: f"{value:g}")
    for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        axis.set_major_formatter(plain)
        # Labels between the powers of ten have room where there are few of these.
        axis.set_minor_formatter(plain if axis is axes.yaxis and high / low < 30 else NullFormatter())
    axes.grid(alpha=0.3, which="both")


def draw_scores(axes: Axes, studies: list[Study], metric: str) -> None:
    """A dot for each seed, a bar at the median."""
    for number, study in enumerate(studies):
        values = study.by_seed(metric)
        axes.plot(values, [number] * len(values), "o", color=f"C{number % 10}", alpha=0.5, markersize=5)
        axes.plot(median(values), number, "|", color=f"C{number % 10}", markersize=16, markeredgewidth=2.5)
    axes.set_yticks(range(len(studies)), [in_figure(study.label) for study in studies])
    axes.invert_yaxis()
    axes.set_xlabel(in_figure(metric.replace("/", " ")) + " (a dot for each seed, the median as a bar)")
    axes.grid(alpha=0.3, axis="x")


def gradient_seconds(studies: list[Study]) -> float:
    """One gradient over all training rows: the median of what all runs measured."""
    return median(run.gradient_seconds for study in studies for run in study.runs)
