"""Metrics of one part of the data after every few epochs of a fit."""

from typing import Any, cast

from pytorch_lightning import Callback, LightningModule, Trainer

from callbacks.frozen import frozen
from callbacks.measured_model import FeatureModel, MeasuredModel
from callbacks.plain_batches import plain_batches


class SplitMetrics(Callback):
    """Logs the model's own metrics over all samples of a part of the data, leaving the training as it is.

    It draws no random number, restores every module's mode, and hands the numbers to the loggers only, not to the
    trainer: nothing can stop, schedule or select by them.

    Args:
        split: "train" or "test": the dataloader it reads and the prefix it logs under.
        every_n_epochs: how often.
    """

    def __init__(self, split: str, every_n_epochs: int = 1) -> None:
        if every_n_epochs < 1:
            raise ValueError(f"{type(self).__name__}(every_n_epochs={every_n_epochs}): give a number ≥ 1")
        self.split, self.every_n_epochs = split, every_n_epochs

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.loggers or (trainer.current_epoch + 1) % self.every_n_epochs:
            return
        values = metrics_of_split(trainer, pl_module, self.split)
        for logger in trainer.loggers if values else ():
            # The step of Lightning's own epoch-end metrics, so that the curves of one chart line up.
            logger.log_metrics({f"{self.split}/{name}": value for name, value in values.items()}, trainer.global_step - 1)


def metrics_of_split(trainer: Trainer, pl_module: LightningModule, split: str) -> dict[str, float]:
    """The model's metrics at the current weights, over the samples of all processes.

    Args:
        trainer: whose data module is read, or the model itself where there is none.
        pl_module: the model, frozen meanwhile.
        split: "train", "val" or "test".

    Returns:
        Values by name; none of a part without rows.
    """
    batches = _measured_batches(trainer, pl_module, split)
    measurement, is_empty = cast(MeasuredModel, pl_module).measurement(), True
    with frozen(pl_module):
        for batch in batches:
            measurement.add(trainer.strategy.batch_to_device(batch))
            is_empty = False
    if is_empty:
        return {}
    return {name: float(value) for name, value in measurement.values().items()}


def _measured_batches(trainer: Trainer, pl_module: LightningModule, split: str) -> Any:
    if isinstance(pl_module, FeatureModel):
        return plain_batches(trainer, split)
    source = getattr(trainer, "datamodule", None) or pl_module
    # Where the data module knows how to serve rows that are only measured: a full batch of training may be more than fits.
    measured = getattr(source, "measured_dataloader", None)
    return getattr(source, f"{split}_dataloader")() if measured is None else measured(split)
