"""What a device computed is logged one logged step later: to read it at once would be to wait for it, at every step."""

from collections.abc import Callable, Sequence

from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from lightning_modules.devices import Late

# Takes tensors on the CPU, in float64, to numbers by name.
Metrics = Callable[[list[Tensor]], dict[str, float]]


class LateLog:
    """Hands numbers to the loggers of a trainer when they have arrived; those of the CPU at once."""

    def __init__(self) -> None:
        self._late = Late()

    def log(self, trainer: Trainer, step: int, tensors: Sequence[Tensor], metrics: Metrics) -> None:
        """Log `metrics(tensors)` as of a step."""

        def to_loggers(arrived: list[Tensor]) -> None:
            for logger in trainer.loggers:
                logger.log_metrics(metrics(arrived), step)

        self._late.send(tensors, to_loggers)

    def finish(self) -> None:
        """Log what is still on its way."""
        self._late.finish()


class LogsTheRest(Callback):
    """A fit that breaks off logs what was still on its way."""

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        finish_log = getattr(pl_module, "finish_log", None)
        if finish_log is not None:  # the trainer may be used for another model by now, which has none
            finish_log()
