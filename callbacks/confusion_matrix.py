"""Which classes are taken for which."""

from typing import Any, cast

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from callbacks.drawn_figure import log_figure
from callbacks.names_as_text import in_figure
from callbacks.okabe_ito import BLUE

# Beyond so many the figure would be of more than 20 million pixels, and its numbers too many to read.
MOST_CLASSES = 64


class ConfusionMatrix(Callback):
    """Draws the test set's confusion matrix and per-class accuracy as figures in TensorBoard; idle under regression.

    They stand under `test/…`, among the curves: TensorBoard opens the first groups of names, and a figure's own group would
    be one of these.

    Attributes:
        counts: of all processes after a test (C, C), true classes down and predicted ones across, or sums of the rows'
            weights; None under regression.
    """

    def __init__(self) -> None:
        self.counts: Tensor | None = None
        self._counts: Tensor | None = None  # of this process, so far

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.counts = self._counts = None

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        preds, target = outputs["preds"], outputs["target"]
        if target.is_floating_point():
            return
        classes = preds.shape[1] if preds.ndim == 2 else 2
        predicted = preds.argmax(1) if preds.ndim == 2 else (preds > 0.5).long()
        counts = torch.bincount(target * classes + predicted, outputs.get("weight"), classes**2).view(classes, classes)
        self._counts = counts if self._counts is None else self._counts + counts

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._counts is None:
            return
        counts = self.counts = cast(Tensor, trainer.strategy.reduce(self._counts, reduce_op="sum")).cpu()
        names = getattr(getattr(trainer, "datamodule", None), "class_names", None) or tuple(map(str, range(len(counts))))
        log_figure(trainer, "test/confusion_matrix", lambda: draw_confusion(counts, names), trainer.global_step)
        log_figure(trainer, "test/class_accuracy", lambda: draw_class_accuracy(counts, names), trainer.global_step)


def draw_confusion(counts: Tensor, names: tuple[str, ...]) -> Figure:
    """A figure of `plot_confusion`.

    Raises:
        ValueError: more classes than can be shown.
    """
    refuse_many(names)
    size = 1.8 + 0.7 * len(names)
    figure = Figure(figsize=(size + 0.8, size), layout="constrained")
    axes = figure.subplots()
    plot_confusion(axes, counts, names)
    axes.set_title("Test set: counts")
    return figure


def plot_confusion(axes: Axes, counts: Tensor, names: tuple[str, ...], top: float | None = None) -> None:
    """Counts (C, C), true classes down and predicted ones across, coloured by the share of the true class.

    What is right is blue, from none to all. Errors are orange on a scale of their own, up to the largest of them: on that of
    what is right they would all be white.

    Args:
        axes: to draw in.
        counts: of all pairs.
        names: of the classes.
        top: end of the scale of errors, where several matrices share one.
    """
    shares = counts / counts.sum(1, keepdim=True).clamp(min=1)
    right = torch.eye(len(names), dtype=torch.bool)
    most = (largest_error(counts) if top is None else top) or 1.0
    scales = torch.where(right, 1.0, most)
    for shown, cmap, end in ((right, "Blues", 1.0), (~right, "Oranges", most)):
        axes.imshow(np.ma.masked_array(shares.numpy(), ~shown.numpy()), cmap=cmap, vmin=0, vmax=end)
    for i in range(len(names)):
        for j in range(len(names)):
            color = "white" if shares[i, j] > 0.6 * scales[i, j] else "black" if counts[i, j] else "silver"
            axes.text(j, i, _shown(float(counts[i, j])), ha="center", va="center", color=color)
    ticks = [in_figure(name) for name in names]
    axes.set_xticks(range(len(names)), ticks, rotation=name_rotation(names))
    axes.set_yticks(range(len(names)), ticks)
    axes.set(xlabel="predicted", ylabel="true")


def largest_error(counts: Tensor) -> float:
    """The largest share of a true class that is taken for one other class: (C, C) -> number."""
    shares = counts / counts.sum(1, keepdim=True).clamp(min=1)
    return float(shares.fill_diagonal_(0).max())


def _shown(count: float) -> str:
    return str(int(count)) if count.is_integer() else f"{count:.4g}"


def draw_class_accuracy(counts: Tensor, names: tuple[str, ...]) -> Figure:
    """A bar for each class's `class_accuracy`, a dash for a class without rows.

    Raises:
        ValueError: more classes than can be shown.
    """
    refuse_many(names)
    accuracy = class_accuracy(counts).tolist()
    figure = Figure(figsize=(2 + 0.7 * len(names), 3), layout="constrained")
    axes = figure.subplots()
    bars = axes.bar(range(len(names)), np.nan_to_num(accuracy), color=BLUE)
    axes.bar_label(bars, ["–" if np.isnan(value) else f"{value:.1%}" for value in accuracy], padding=2)
    axes.set_xticks(range(len(names)), [in_figure(name) for name in names], rotation=name_rotation(names))
    axes.set(ylim=(0, 1.12), ylabel="share predicted right", title="Test set: accuracy by class")
    return figure


def class_accuracy(counts: Tensor) -> Tensor:
    """Share of each true class that is predicted right, nan of a class without rows: (C, C) -> (C,)."""
    return torch.diagonal(counts) / counts.sum(1)


def refuse_many(names: tuple[str, ...]) -> None:
    """Refuse to draw more classes than can be shown.

    Raises:
        ValueError: says how many there are.
    """
    if len(names) > MOST_CLASSES:
        raise ValueError(f"{len(names)} classes, and a figure shows at most {MOST_CLASSES}")


def name_rotation(names: tuple[str, ...]) -> int:
    """Degrees by which names of classes are turned so that they do not touch."""
    return 30 if max(map(len, names)) > 3 else 0
