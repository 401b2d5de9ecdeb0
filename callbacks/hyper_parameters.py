"""The settings of a run beside its results."""

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import TensorBoardLogger


class HyperParameters(Callback):
    """Writes settings with the test metrics they led to into TensorBoard's hparams tab, once the test is done.

    Without test rows there is no test, and nothing to hold settings against.

    Args:
        settings: plain values by name.
    """

    def __init__(self, settings: dict[str, bool | int | float | str]) -> None:
        self.settings = settings

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        metrics = {f"hp/{name}": float(v) for name, v in trainer.callback_metrics.items() if name.startswith("test/")}
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger) and trainer.is_global_zero:
                # At the step of the test itself, so that a resumed run, whose later points count no more, has them once.
                logger.log_hyperparams(self.settings, metrics, trainer.global_step)
