"""One chart per metric in TensorBoard."""

import re
from typing import cast

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import TensorBoardLogger

from callbacks.measured_model import MeasuredModel

# By patterns of the tags that a chart shows: the layers are as many as the model has.
STEPS = {
    "gradient norm by layer": ["Multiline", ["^grad_norm/"]],
    "damping, gain ratio, decrement": ["Multiline", ["^curvature/(damping|gain_ratio|newton_decrement|step_size)$"]],
    "curvature: eigenvalues, condition": ["Multiline", ["^curvature/(eigenvalue_min|eigenvalue_max|condition)$"]],
}


class MetricCharts(Callback):
    """Lays out TensorBoard's custom scalars tab: training, validation and test of one metric in one chart.

    Below them the steps, as `GradientNorms` and `CurvatureDiagnostics` log them: the gradient's norms, a curve for each layer,
    and what a curvature method saw. A method that logs none of it has an empty chart there.
    """

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        layout = {
            # TensorBoard takes them for patterns of the tags that a chart shows.
            name: ["Multiline", [f"^{re.escape(f'{split}/{name}')}$" for split in ("train", "val", "test")]]
            for name in cast(MeasuredModel, pl_module).metrics()
        }
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger) and trainer.is_global_zero:
                logger.experiment.add_custom_scalars({"metrics": layout, "steps": STEPS})
