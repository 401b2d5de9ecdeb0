"""The figures of a comparison: objective, test loss, score and runtime, against epochs and against seconds."""

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from callbacks.log_scale import scale_log
from callbacks.method_styles import MethodStyle, method_styles
from callbacks.names_as_text import in_figure
from callbacks.rounding_level import draw_level, floored
from comparing.metric_names import metric_name
from comparing.run import Run
from comparing.saved_figure import save_figure
from datamodules.messages import counted

Panel = Callable[[Axes, list[Run]], None]
MOST_IN_A_ROW = 5  # of a legend


def draw_figures(runs: list[Run], output: Path) -> list[Path]:
    """Write overview.png and one PNG for each row of it; return the paths of the latter that could be drawn."""
    score, optimum = runs[0].score, optimum_of(runs)
    rows: dict[str, tuple[Panel, Panel]] = {
        "objective": (objective("epochs", optimum), objective("seconds", optimum)),
        "test_loss": (curve("test/loss", "epochs"), curve("test/loss", "seconds")),
        f"test_{score}": (curve(f"test/{score}", "epochs"), curve(f"test/{score}", "seconds")),
        "runtime": (runtime_curves, runtime_bars),
    }
    save_figure(output / "overview.png", partial(draw_panels, runs, list(rows.values())))
    drawn = [save_figure(output / f"{name}.png", partial(draw_panels, runs, [panels])) for name, panels in rows.items()]
    return [path for paths in drawn for path in paths]


def optimum_of(runs: list[Run]) -> float | None:
    """The lowest objective of all, if a run has ended at an optimum: what is below that by rounding is there as well."""
    if all(run.summary["status"] != "converged" for run in runs):
        return None
    return min(value for run in runs for value in run.objectives if math.isfinite(value))


def draw_panels(runs: list[Run], rows: list[tuple[Panel, Panel]]) -> Figure:
    """Two panels a row, against epochs and against seconds, below one legend."""
    figure = Figure(figsize=(10, 0.4 + 2.9 * len(rows)), layout="constrained")
    grid = figure.subplots(len(rows), 2, squeeze=False)
    for axes_row, panels in zip(grid, rows, strict=True):
        for axes, panel in zip(axes_row, panels, strict=True):
            panel(axes, runs)
    entries = {label: line for axes in grid.flat for line, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    columns = min(len(entries), MOST_IN_A_ROW) or 1
    figure.legend(list(entries.values()), list(entries), loc="outside upper center", ncols=columns, frameon=False)
    return figure


def curve(metric: str, against: str) -> Panel:
    """A panel with one curve for each run."""

    def draw(axes: Axes, runs: list[Run]) -> None:
        for run, style in styled(runs):
            plot(axes, run, style, against, run.history[metric])
        decorate(axes, against, metric_name(metric))

    return draw


def objective(against: str, optimum: float | None) -> Panel:
    """A panel with the objective over all training rows, or its distance from the optimum if a run found that; logarithmic.

    The first point, before any step, is common to all. Whoever is nearer to the optimum than rounding is drawn at that level.
    """

    def draw(axes: Axes, runs: list[Run]) -> None:
        courses = [np.asarray(run.objectives, dtype=float) for run in runs]
        if optimum is not None:
            level = rounding_level(courses, optimum)
            courses = [floored(values, optimum, level) for values in courses]
            draw_level(axes, level)
        for (run, style), values in zip(styled(runs), courses, strict=True):
            plot(axes, run, style, against, values.tolist())
        finite = np.concatenate([values[np.isfinite(values)] for values in courses])
        if len(finite) and finite.min() > 0:  # a log-likelihood of densities may be below 0
            scale_log(axes.yaxis, finite)
        decorate(axes, against, "training objective" + (" − optimum" if optimum is not None else ""))

    return draw


def rounding_level(courses: list[np.ndarray], optimum: float) -> float:
    """What a distance from the optimum cannot be told from 0 by; of an optimum at 0, below the least distance there is."""
    if optimum:
        return float(np.finfo(float).eps * abs(optimum))
    return min((float(values[values > 0].min()) for values in courses if (values > 0).any()), default=1.0)


def styled(runs: list[Run]) -> list[tuple[Run, MethodStyle]]:
    """Each with how it is drawn."""
    styles = method_styles(run.label for run in runs)
    return [(run, styles[run.label]) for run in runs]


def plot(axes: Axes, run: Run, style: MethodStyle, against: str, values: list[float]) -> None:
    """A run's values after each epoch, or from before the first, with a dot at their end.

    Where all steps were taken in one epoch only the end means something: a line across at that height.
    """
    label = in_figure(run.label)
    times = [0.0, *run.history["time/train_seconds"]] if against == "seconds" else [*range(run.epochs + 1)]
    x = times[-len(values) :]
    if run.has_course:
        axes.plot(x, values, linewidth=1.8, label=label, **style.line)
    elif not math.isnan(values[-1]):
        axes.axhline(values[-1], linewidth=1.2, zorder=1, label=label, **style.line)
    if run.has_course or against == "seconds":
        axes.plot(x[-1], values[-1], style.marker, color=style.color, markersize=5)


def runtime_curves(axes: Axes, runs: list[Run]) -> None:
    """Seconds of training after each epoch."""
    for run, style in styled(runs):
        if run.has_course:
            plot(axes, run, style, "epochs", run.history["time/train_seconds"])
    decorate(axes, "epochs", "seconds of training")


def decorate(axes: Axes, against: str, name: str) -> None:
    """Names of the axes, and a grid."""
    axes.set_xlabel("epochs" if against == "epochs" else "seconds of training")
    axes.set_ylabel(name)
    axes.grid(alpha=0.3)


def runtime_bars(axes: Axes, runs: list[Run]) -> None:
    """Total seconds of training, with the number of epochs they bought."""
    places = range(len(runs))
    bars = axes.barh(places, [run.seconds for run in runs], color=[style.color for _, style in styled(runs)])
    axes.set_yticks(places, [in_figure(run.label) for run in runs])
    bought = [f"{run.seconds:.2f} s" + (f", {counted(run.epochs, 'epoch')}" if run.has_course else "") for run in runs]
    axes.bar_label(bars, bought, padding=3)
    axes.set_xlim(0, 1.8 * max(run.seconds for run in runs))
    axes.invert_yaxis()
    axes.set_xlabel("seconds of training, total")
