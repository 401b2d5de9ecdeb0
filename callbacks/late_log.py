"""What a callback logs of a step, without making the host wait for the device that computed it."""

from collections.abc import Callable, Sequence

from pytorch_lightning import LightningModule, Trainer
from torch import Tensor


def log_late(
    trainer: Trainer,
    pl_module: LightningModule,
    step: int,
    tensors: Sequence[Tensor],
    metrics: Callable[[list[Tensor]], dict[str, float]],
) -> None:
    """Log `metrics(tensors)` of a step: by a model that knows how to when they have arrived, else at once.

    Args:
        trainer: whose loggers are written to.
        pl_module: any model.
        step: that they are of.
        tensors: of one device.
        metrics: takes them on the CPU, in float64, to numbers by name.
    """
    by_model = getattr(pl_module, "log_late", None)
    if by_model is not None:
        by_model(step, tensors, metrics)
        return
    values = metrics([tensor.detach().double().cpu() for tensor in tensors])
    for logger in trainer.loggers:
        logger.log_metrics(values, step)
