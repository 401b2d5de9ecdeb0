"""One chart per metric in TensorBoard."""

import re
from typing import cast

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import TensorBoardLogger

from callbacks.curvature_diagonal import DiagonalMethod
from callbacks.layer_names import layer_of
from callbacks.measured_model import MeasuredModel

# By patterns of the tags that a chart shows: the layers are as many as the model has.
STEPS = {
    "gradient norm by layer": ["Multiline", ["^grad_norm/"]],
    "update ÷ weight norm by layer": ["Multiline", ["^update_ratio/"]],
    "median of the curvature diagonal by layer": ["Multiline", ["^curvature_diagonal/.*/median$"]],
    "lr, length of the step": ["Multiline", [r"^step/(lr(_\d+)?|length)$"]],
    "damping, gain ratio, decrement": ["Multiline", ["^curvature/(damping|gain_ratio|newton_decrement|step_size)$"]],
    "curvature: eigenvalues, condition": ["Multiline", ["^curvature/(eigenvalue_min|eigenvalue_max|condition)$"]],
}


class MetricCharts(Callback):
    """Lays out TensorBoard's custom scalars tab: training, validation and test of one metric in one chart.

    Below them the steps, as the callbacks log them that are there: norms of gradients and updates, a curve for each layer, the
    learning rate, and what a curvature method saw; of one that has a diagonal of the curvature at hand a chart of each layer
    with its quantiles. A method that logs none of it has an empty chart there.
    """

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        layout = {
            # TensorBoard takes them for patterns of the tags that a chart shows.
            name: ["Multiline", [f"^{re.escape(f'{split}/{name}')}$" for split in ("train", "val", "test")]]
            for name in cast(MeasuredModel, pl_module).metrics()
        }
        charts = {"metrics": layout, "steps": STEPS}
        if any(isinstance(optimizer, DiagonalMethod) for optimizer in getattr(trainer, "optimizers", ())):
            layers = dict.fromkeys(layer_of(name) for name, _ in pl_module.named_parameters())
            charts["curvature diagonal"] = {
                layer: ["Multiline", [f"^{re.escape(f'curvature_diagonal/{layer}/')}"]] for layer in layers
            }
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger) and trainer.is_global_zero:
                logger.experiment.add_custom_scalars(charts)
