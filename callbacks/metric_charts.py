"""One chart per metric in TensorBoard."""

import re
from typing import cast

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import TensorBoardLogger

from callbacks.measured_model import MeasuredModel


class MetricCharts(Callback):
    """Lays out TensorBoard's custom scalars tab: training, validation and test of one metric in one chart."""

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        layout = {
            # TensorBoard takes them for patterns of the tags that a chart shows.
            name: ["Multiline", [f"^{re.escape(f'{split}/{name}')}$" for split in ("train", "val", "test")]]
            for name in cast(MeasuredModel, pl_module).metrics()
        }
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger) and trainer.is_global_zero:
                logger.experiment.add_custom_scalars({"metrics": layout})
