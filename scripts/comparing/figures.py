"""The figures of a comparison: objective, test loss, score and runtime, against epochs and against seconds."""

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from callbacks.names_as_text import in_figure
from comparing.run import Run
from comparing.saved_figure import save_figure
from datamodules.messages import counted

Panel = Callable[[Axes, list[Run]], None]


def draw_figures(runs: list[Run], output: Path) -> list[Path]:
    """Write overview.png and one PNG for each row of it; return the paths of the latter that could be drawn."""
    score = runs[0].score
    optimum = min((run.objective for run in runs if run.summary["status"] == "converged"), default=None)
    rows: dict[str, tuple[Panel, Panel]] = {
        "objective": (objective("epochs", optimum), objective("seconds", optimum)),
        "test_loss": (curve("test/loss", "epochs"), curve("test/loss", "seconds")),
        f"test_{score}": (curve(f"test/{score}", "epochs"), curve(f"test/{score}", "seconds")),
        "runtime": (runtime_curves, runtime_bars),
    }
    save_figure(output / "overview.png", partial(draw_panels, runs, list(rows.values())))
    drawn = [save_figure(output / f"{name}.png", partial(draw_panels, runs, [panels])) for name, panels in rows.items()]
    return [path for paths in drawn for path in paths]


def draw_panels(runs: list[Run], rows: list[tuple[Panel, Panel]]) -> Figure:
    """Two panels a row, against epochs and against seconds, below one legend."""
    figure = Figure(figsize=(10, 0.4 + 2.9 * len(rows)), layout="constrained")
    grid = figure.subplots(len(rows), 2, squeeze=False)
    for axes_row, panels in zip(grid, rows, strict=True):
        for axes, panel in zip(axes_row, panels, strict=True):
            panel(axes, runs)
    entries = {label: line for axes in grid.flat for line, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(list(entries.values()), list(entries), loc="outside upper center", ncols=len(runs), frameon=False)
    return figure


def curve(metric: str, against: str) -> Panel:
    """A panel with one curve for each run."""

    def draw(axes: Axes, runs: list[Run]) -> None:
        for number, run in enumerate(runs):
            plot(axes, run, number, against, run.history[metric])
        decorate(axes, against, metric.replace("/", " "))

    return draw


def objective(against: str, optimum: float | None) -> Panel:
    """A panel with the objective over all training rows, or its distance from the optimum if a run found that; logarithmic.

    The first point, before any step, is common to all.
    """

    def draw(axes: Axes, runs: list[Run]) -> None:
        for number, run in enumerate(runs):
            # What is nearer to the optimum than rounding has no place on a logarithmic axis.
            distances = (value - (optimum or 0.0) for value in run.objectives)
            plot(axes, run, number, against, [distance if distance > 0 else math.nan for distance in distances])
        axes.set_yscale("log")
        decorate(axes, against, "training objective" + (" − optimum" if optimum is not None else ""))

    return draw


def plot(axes: Axes, run: Run, number: int, against: str, values: list[float]) -> None:
    """A run's values after each epoch, or from before the first, with a dot at their end.

    A peer's are dashed, so that a method they coincide with shows through. Where all steps were taken in one epoch only the
    end means something: a line across at that height.
    """
    style: dict[str, Any] = {"color": f"C{number}", "label": in_figure(run.label), "linestyle": "--" if run.is_peer else "-"}
    times = [0.0, *run.history["time/train_seconds"]] if against == "seconds" else [*range(run.epochs + 1)]
    x = times[-len(values) :]
    if run.has_course:
        axes.plot(x, values, linewidth=1.8, **style)
    elif not math.isnan(values[-1]):
        axes.axhline(values[-1], linewidth=1.2, zorder=1, **style)
    if run.has_course or against == "seconds":
        axes.plot(x[-1], values[-1], "o", color=f"C{number}", markersize=4)


def runtime_curves(axes: Axes, runs: list[Run]) -> None:
    """Seconds of training after each epoch."""
    for number, run in enumerate(runs):
        if run.has_course:
            plot(axes, run, number, "epochs", run.history["time/train_seconds"])
    decorate(axes, "epochs", "seconds of training")


def decorate(axes: Axes, against: str, name: str) -> None:
    """Names of the axes, and a grid."""
    axes.set_xlabel("epochs" if against == "epochs" else "seconds of training")
    axes.set_ylabel(name)
    axes.grid(alpha=0.3)


def runtime_bars(axes: Axes, runs: list[Run]) -> None:
    """Total seconds of training, with the number of epochs they bought."""
    places = range(len(runs))
    bars = axes.barh(places, [run.seconds for run in runs], color=[f"C{i}" for i in places])
    axes.set_yticks(places, [in_figure(run.label) for run in runs])
    bought = [f"{run.seconds:.2f} s" + (f", {counted(run.epochs, 'epoch')}" if run.has_course else "") for run in runs]
    axes.bar_label(bars, bought, padding=3)
    axes.set_xlim(0, 1.8 * max(run.seconds for run in runs))
    axes.invert_yaxis()
    axes.set_xlabel("seconds of training, total")
