"""The figures of a comparison by class: confusion matrices and accuracies, all methods side by side."""

import math
from pathlib import Path

from matplotlib.figure import Figure

from callbacks.confusion_matrix import name_rotation, plot_confusion, refuse_many
from callbacks.names_as_text import in_figure
from comparing.predictions import Predictions
from comparing.run import Run
from comparing.saved_figure import save_figure

WIDTH = 12.0  # inches


def draw_class_figures(runs: list[Run], output: Path) -> list[Path]:
    """Write confusion.png and class_accuracy.png; return the paths of those that could be drawn, none under regression."""
    predictions = {run.label: run.predictions for run in runs if run.predictions is not None}
    if not predictions:
        return []
    return [
        *save_figure(output / "confusion.png", lambda: draw_confusions(predictions)),
        *save_figure(output / "class_accuracy.png", lambda: draw_class_accuracies(predictions)),
    ]


def draw_confusions(predictions: dict[str, Predictions]) -> Figure:
    """A confusion matrix for each run, as many in a row as are readable.

    Raises:
        ValueError: more classes than can be shown.
    """
    names = next(iter(predictions.values())).class_names
    refuse_many(names)
    size = 1.5 + 0.42 * len(names)
    rows = math.ceil(len(predictions) / max(1, int(WIDTH / size)))
    columns = math.ceil(len(predictions) / rows)
    figure = Figure(figsize=(size * columns, size * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).flatten()
    for axes, (label, predicted) in zip(grid, predictions.items(), strict=False):
        plot_confusion(axes, predicted.confusion, names)
        axes.set_title(in_figure(label), fontsize=11)
    for axes in grid[len(predictions) :]:
        axes.set_axis_off()
    return figure


def draw_class_accuracies(predictions: dict[str, Predictions]) -> Figure:
    """Test accuracy by class, a bar for each run beside the others'; a dash for a class without rows.

    Raises:
        ValueError: more classes than can be shown.
    """
    names = next(iter(predictions.values())).class_names
    refuse_many(names)
    accuracies = {label: predicted.class_accuracy.tolist() for label, predicted in predictions.items()}
    lowest = min((value for values in accuracies.values() for value in values if not math.isnan(value)), default=0.0)
    width = 0.85 / len(accuracies)
    figure = Figure(figsize=(WIDTH, 4.2), layout="constrained")
    axes = figure.subplots()
    for number, (label, values) in enumerate(accuracies.items()):
        middle = number - (len(accuracies) - 1) / 2
        places = [position + middle * width for position in range(len(names))]
        heights = [0.0 if math.isnan(value) else value for value in values]
        bars = axes.bar(places, heights, width, color=f"C{number}", label=in_figure(label))
        axes.bar_label(
            bars, ["–" if math.isnan(value) else f"{value:.4f}" for value in values], padding=3, rotation=90, fontsize=8
        )
    # The differences are far smaller than the accuracies, so the axis starts near the lowest and says so.
    bottom = max(0.0, lowest - max(0.3 * (1 - lowest), 1e-3))
    axes.set_ylim(bottom, 1 + 0.25 * (1 - bottom))
    axes.set_yticks([tick for tick in axes.get_yticks() if bottom <= tick <= 1])
    axes.set_xticks(range(len(names)), [in_figure(name) for name in names], rotation=name_rotation(names))
    axes.set(xlabel="true class", ylabel=f"share predicted right\n(axis starts at {bottom:.3g})")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=len(accuracies), frameon=False)
    return figure
