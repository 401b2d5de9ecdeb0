"""Metrics on the test set during fit."""

from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning import LightningModule, Trainer

from callbacks.split_metrics import SplitMetrics


class TestMetrics(SplitMetrics):
    """Logs `test/…` over the whole test set after every n epochs, to watch and never to choose by.

    A checkpoint, early stopping or scheduler that monitors `test/…` is refused when the fit starts.

    Args:
        every_n_epochs: how often.
    """

    __test__ = False  # not a test case, whatever pytest makes of the name

    def __init__(self, every_n_epochs: int = 1) -> None:
        super().__init__("test", every_n_epochs)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        for callback in trainer.callbacks:  # type: ignore[attr-defined]
            self._refuse(type(callback).__name__, getattr(callback, "monitor", None))

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for config in trainer.lr_scheduler_configs:
            # Manual optimization drops the configured monitor; the command line's schedulers carry their own.
            self._refuse(type(config.scheduler).__name__, config.monitor or getattr(config.scheduler, "monitor", None))

    def _refuse(self, who: str, monitor: str | None) -> None:
        if monitor is not None and monitor.startswith("test/"):
            raise MisconfigurationException(
                f"{who} monitors {monitor!r}: choosing by the test set makes its score worthless; "
                f"monitor {monitor.replace('test/', 'val/', 1)!r} instead"
            )
