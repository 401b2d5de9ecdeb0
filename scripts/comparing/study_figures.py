"""The figures of a study: validation against epochs, seconds and gradients, and the test score of every seed."""

from functools import partial
from pathlib import Path
from statistics import median

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from callbacks.log_scale import scale_log
from callbacks.method_styles import MethodStyle, method_styles
from callbacks.names_as_text import in_figure
from comparing.metric_names import metric_name
from comparing.saved_figure import file_stem, save_figure
from comparing.study import Study, is_score

AXES = {"epochs": "epochs", "seconds": "seconds of training", "gradients": "gradients over the training rows in that time"}


def draw_study(studies: list[Study], select: str, output: Path, unit: str = "") -> list[Path]:
    """Write a figure of curves for each group, and one of all test scores; return the paths of those that could be drawn.

    Args:
        studies: of all methods.
        select: what chose their settings.
        output: folder.
        unit: of the target.
    """
    styles = method_styles(study.label for study in studies)
    paths: list[Path] = []
    studies = [study for study in studies if not study.diverged]
    followed = [study for study in studies if study.has_course]
    for group in dict.fromkeys(study.group for study in followed):
        members = [study for study in followed if study.group == group]
        stem = file_stem("curves", group, [path.stem for path in paths])
        paths += save_figure(output / f"{stem}.png", partial(draw_group, members, styles, select, unit))
    metric = "test/" + select.rpartition("/")[2]
    return [*paths, *save_figure(output / "test_scores.png", lambda: draw_all_scores(studies, styles, metric, unit))]


def draw_group(members: list[Study], styles: dict[str, MethodStyle], select: str, unit: str) -> Figure:
    """The curves of some methods against epochs, seconds and gradients."""
    figure = Figure(figsize=(12, 4.2), layout="constrained")
    for axes, against in zip(figure.subplots(1, 3, sharey=True), AXES, strict=True):
        draw_curves(axes, members, styles, select, against)
    figure.axes[0].set_ylabel(in_figure(metric_name(select, unit) if not is_score(select) else f"1 − {metric_name(select)}, %"))
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4, frameon=False)
    return figure


def draw_all_scores(studies: list[Study], styles: dict[str, MethodStyle], metric: str, unit: str) -> Figure:
    """A figure of `draw_scores`."""
    figure = Figure(figsize=(9, 1.2 + 0.38 * len(studies)), layout="constrained")
    draw_scores(figure.subplots(), studies, styles, metric_name(metric, unit), metric)
    return figure


def draw_curves(axes: Axes, studies: list[Study], styles: dict[str, MethodStyle], select: str, against: str) -> None:
    """The median over seeds, on a logarithmic axis; a score as what is missing to 1, in percent."""
    heights: list[float] = []
    widths: list[float] = []
    for number, study in enumerate(studies):
        values = study.curve(select)
        if is_score(select):
            values = [100 * (1 - value) for value in values]
        x = list(range(1, len(values) + 1)) if against == "epochs" else study.curve("seconds")
        if against == "gradients":
            unit = gradient_seconds(studies)
            x = [seconds / unit for seconds in x]
        style = styles[study.label]
        axes.plot(x, values, linewidth=2.4 if number == 0 else 1.4, label=in_figure(study.label), **style.line)
        axes.plot(x[-1], values[-1], style.marker, color=style.color, markersize=5)
        heights += values
        widths += x
    scale_log(axes.yaxis, heights)
    if against != "epochs":
        scale_log(axes.xaxis, widths)  # what is quick has room there, and what is slow
    axes.set_xlabel(AXES[against])
    axes.grid(alpha=0.3)


def draw_scores(axes: Axes, studies: list[Study], styles: dict[str, MethodStyle], name: str, metric: str) -> None:
    """A dot for each seed, a bar at the median."""
    for number, study in enumerate(studies):
        values, style = study.by_seed(metric), styles[study.label]
        axes.plot(values, [number] * len(values), style.marker, color=style.color, alpha=0.5, markersize=5)
        axes.plot(median(values), number, "|", color=style.color, markersize=16, markeredgewidth=2.5)
    axes.set_yticks(range(len(studies)), [in_figure(study.label) for study in studies])
    axes.set_ylim(len(studies) - 0.4, -0.6)  # the first on top, and no bar cut by the frame
    axes.set_xlabel(f"{in_figure(name)} (a dot for each seed, the median as a bar)")
    axes.grid(alpha=0.3, axis="x")


def gradient_seconds(studies: list[Study]) -> float:
    """One gradient over all training rows: the median of what all runs measured."""
    return median(run.gradient_seconds for study in studies for run in study.runs)
