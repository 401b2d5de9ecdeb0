"""The figures of a comparison by class: confusion matrices and accuracies, all methods side by side."""

import math
from pathlib import Path

from matplotlib.figure import Figure

from callbacks.confusion_matrix import largest_error, name_rotation, plot_confusion, refuse_many
from callbacks.method_styles import method_styles
from callbacks.names_as_text import in_figure
from comparing.figures import MOST_IN_A_ROW
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
    top = max(largest_error(predicted.confusion) for predicted in predictions.values())  # one colour, one share of errors
    figure = Figure(figsize=(size * columns, size * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).flatten()
    for axes, (label, predicted) in zip(grid, predictions.items(), strict=False):
        plot_confusion(axes, predicted.confusion, names, top)
        axes.set_title(in_figure(label), fontsize=11)
    for axes in grid[len(predictions) :]:
        axes.set_axis_off()
    return figure


def draw_class_accuracies(predictions: dict[str, Predictions]) -> Figure:
    """Test accuracy by class, a dot for each run beside the others'; none for a class without rows, which says so.

    The differences are far smaller than the accuracies, so that bars, which have to start at 0, would all look the same.

    Raises:
        ValueError: more classes than can be shown.
    """
    names = next(iter(predictions.values())).class_names
    refuse_many(names)
    styles = method_styles(predictions)
    accuracies = {label: predicted.class_accuracy.tolist() for label, predicted in predictions.items()}
    width = 0.6 / len(accuracies)
    figure = Figure(figsize=(WIDTH, 4.2), layout="constrained")
    axes = figure.subplots()
    for number, (label, values) in enumerate(accuracies.items()):
        middle = number - (len(accuracies) - 1) / 2
        places = [position + middle * width for position in range(len(names))]
        style = styles[label]
        axes.plot(places, values, style.marker, color=style.color, markersize=7, label=in_figure(label))
    empty = [all(math.isnan(values[place]) for values in accuracies.values()) for place in range(len(names))]
    ticks = [in_figure(name) + (" (no rows)" if is_empty else "") for name, is_empty in zip(names, empty, strict=True)]
    axes.set_xticks(range(len(names)), ticks, rotation=name_rotation(tuple(ticks)))
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.set(xlabel="true class", ylabel="test accuracy of the class")
    axes.grid(alpha=0.3, axis="y")
    columns = min(len(accuracies), MOST_IN_A_ROW)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=columns, frameon=False)
    return figure
