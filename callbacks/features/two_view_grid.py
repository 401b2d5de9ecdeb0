"""What a two-view run trains on."""

from typing import Any

from matplotlib.figure import Figure
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from callbacks.drawn_figure import log_figure
from callbacks.names_as_text import in_figure

NUM_IMAGES = 8
NUM_PARTS = 4  # original, view 1, view 2, label


class TwoViewGrid(Callback):
    """Draws the first images of a two-view run's first batch with both views in TensorBoard; idle on other data."""

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        if trainer.global_step or not isinstance(batch, (tuple, list)) or len(batch) != NUM_PARTS:
            return
        original, first, second, labels = (part[:NUM_IMAGES].detach().cpu() for part in batch)
        log_figure(trainer, "train/two_views", lambda: draw_two_views(original, first, second, labels), 0)


def draw_two_views(original: Tensor, first: Tensor, second: Tensor, labels: Tensor) -> Figure:
    """Three columns – original with its label under it, view 1, view 2 – and a row for each image (B, 1, h, w)."""
    figure = Figure(figsize=(4.2, 0.3 + 1.45 * len(labels)), layout="constrained")
    grid = figure.subplots(len(labels), 3, squeeze=False)
    for axes_row, label, *images in zip(grid, labels.tolist(), original, first, second, strict=True):
        for axes, image in zip(axes_row, images, strict=True):
            axes.imshow(image[0].float().numpy(), cmap="gray", vmin=0, vmax=1)
            axes.set(xticks=[], yticks=[])
        axes_row[0].set_xlabel(in_figure(str(label)))
    for axes, title in zip(grid[0], ("original", "view 1", "view 2"), strict=True):
        axes.set_title(title)
    return figure
