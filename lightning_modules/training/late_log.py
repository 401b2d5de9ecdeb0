"""What a device computed is logged one logged step later: to read it at once would be to wait for it, at every step."""

from collections.abc import Callable, Sequence

from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from lightning_modules.devices import Late

# Takes tensors on the CPU, in float64, to numbers by name.
Metrics = Callable[[list[Tensor]], dict[str, float]]
# Takes a step and the numbers of it, by name.
Listener = Callable[[int, dict[str, float]], None]


class LateLog:
    """Hands numbers to the loggers of a trainer when they have arrived; those of the CPU at once.

    Attributes:
        listeners: are given the same numbers; of no step where the trainer has no logger.
    """

    def __init__(self) -> None:
        self._late = Late()
        self.listeners: list[Listener] = []

    def log(self, trainer: Trainer, step: int, tensors: Sequence[Tensor], metrics: Metrics) -> None:
        """Log `metrics(tensors)` as of a step."""

        def to_loggers(arrived: list[Tensor]) -> None:
            values = metrics(arrived) if trainer.loggers else {}
            for logger in trainer.loggers:
                logger.log_metrics(dict(values), step)
            for listen in self.listeners if values else ():
                listen(step, values)

        self._late.send(tensors, to_loggers)

    def finish(self) -> None:
        """Log what is still on its way."""
        self._late.finish()

    def forget(self) -> None:
        """Let go of what is still on its way."""
        self._late = Late()

    def end(self) -> None:
        """The same, after which nobody listens."""
        self.finish()
        self.listeners.clear()


class LogsTheRest(Callback):
    """A fit that breaks off logs what was still on its way."""

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        finish_log = getattr(pl_module, "finish_log", None)
        if finish_log is not None:  # the trainer may be used for another model by now, which has none
            finish_log()
