"""What happens on the device within the steps of a fit, and between them."""

from contextlib import ExitStack
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from tests.simulated_device.counts import Counts, counting


class CountsPerStep(Callback):
    """Counts of every training step, and of everything else from the start of an epoch to that of the next.

    Put it first among the callbacks, so that what others do at the end of a step is counted too.

    Attributes:
        steps: of each step, with what callbacks do at its end.
        epochs: of each epoch whose next one has begun, its steps included.
    """

    def __init__(self) -> None:
        self.steps: list[Counts] = []
        self.epochs: list[Counts] = []
        self._step, self._epoch = ExitStack(), ExitStack()

    @property
    def waits(self) -> list[int]:
        """How often the host waited in each step."""
        return [len(counts.waits) for counts in self.steps]

    @property
    def waits_between(self) -> list[int]:
        """How often it waited in each epoch outside of the steps."""
        per_epoch = len(self.steps) // (len(self.epochs) or 1)
        return [
            len(counts.waits) - sum(self.waits[number * per_epoch : (number + 1) * per_epoch])
            for number, counts in enumerate(self.epochs[:-1])
        ]

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._step.close()
        self._epoch.close()
        self.epochs.append(self._epoch.enter_context(counting()))

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        self._step.close()
        self.steps.append(self._step.enter_context(counting()))

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._step.close()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._step.close()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._epoch.close()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._step.close()
        self._epoch.close()
