"""The figures of a comparison: objective, test loss, score and runtime, against epochs and against seconds."""

from collections.abc import Callable
from pathlib import Path

from comparison_report import Run
from matplotlib.axes import Axes
from matplotlib.figure import Figure

Panel = Callable[[Axes, list[Run]], None]


def draw_figures(runs: list[Run], output: Path) -> list[Path]:
    """Write overview.png and one PNG for each row of it; return their paths, the overview first."""
    score = runs[0].score
    optimum = min((run.history["train/objective"][-1] for run in runs if run.summary["status"] == "converged"), default=None)
    rows: dict[str, tuple[Panel, Panel]] = {
        "objective": (objective("epochs", optimum), objective("seconds", optimum)),
        "test_loss": (curve("test/loss", "epochs"), curve("test/loss", "seconds")),
        f"test_{score}": (curve(f"test/{score}", "epochs"), curve(f"test/{score}", "seconds")),
        "runtime": (curve("time/train_seconds", "epochs"), runtime_bars),
    }
    figures = {"overview": list(rows.values()), **{name: [panels] for name, panels in rows.items()}}
    paths = []
    for name, panel_rows in figures.items():
        figure = Figure(figsize=(10, 0.4 + 2.9 * len(panel_rows)), layout="constrained")
        grid = figure.subplots(len(panel_rows), 2, squeeze=False)
        for axes_row, panels in zip(grid, panel_rows, strict=True):
            for axes, panel in zip(axes_row, panels, strict=True):
                panel(axes, runs)
        handles, labels = grid[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(runs), frameon=False)
        paths.append(output / f"{name}.png")
        figure.savefig(paths[-1], dpi=130)
    return paths


def curve(metric: str, against: str) -> Panel:
    """A panel with one curve for each run."""

    def draw(axes: Axes, runs: list[Run]) -> None:
        for number, run in enumerate(runs):
            values = run.history[metric]
            x = run.history["time/train_seconds"] if against == "seconds" else range(1, len(values) + 1)
            axes.plot(x, values, color=f"C{number}", label=run.label, linewidth=1.8)
            axes.plot(x[-1], values[-1], "o", color=f"C{number}", markersize=4)
        axes.set_xlabel("epochs" if against == "epochs" else "seconds of training")
        axes.set_ylabel("seconds of training" if metric == "time/train_seconds" else metric.replace("/", " "))
        axes.grid(alpha=0.3)

    return draw


def objective(against: str, optimum: float | None) -> Panel:
    """A panel with the training objective, or its distance from the optimum if a run found that; logarithmic.

    The objective of an epoch is that at its start, so the first point is common to all.
    """

    def draw(axes: Axes, runs: list[Run]) -> None:
        for number, run in enumerate(runs):
            values = [value - (optimum or 0.0) for value in run.history["train/objective"]]
            seconds = [0.0, *run.history["time/train_seconds"][:-1]]
            axes.plot(seconds if against == "seconds" else range(len(values)), values, color=f"C{number}", label=run.label)
        axes.set_yscale("log")
        axes.set_xlabel("epochs" if against == "epochs" else "seconds of training")
        axes.set_ylabel("training objective" + (" − optimum" if optimum is not None else ""))
        axes.grid(alpha=0.3)

    return draw


def runtime_bars(axes: Axes, runs: list[Run]) -> None:
    """Total seconds of training, with the number of epochs they bought."""
    bars = axes.barh([run.label for run in runs], [run.seconds for run in runs], color=[f"C{i}" for i in range(len(runs))])
    axes.bar_label(bars, [f"{run.seconds:.2f} s, {run.epochs} epochs" for run in runs], padding=3)
    axes.set_xlim(0, 1.6 * max(run.seconds for run in runs))
    axes.invert_yaxis()
    axes.set_xlabel("seconds of training, total")
