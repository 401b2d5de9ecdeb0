r"""Methods that take their steps at other weights than those they stand for, such as Schedule-Free AdamW.

    y = (1 − β) z + β x      where the gradient is asked for, in the mode `train`
    x                        the mean of the iterates z, which is measured, saved and used: in the mode `eval`

Such an optimizer has a method for each mode, which moves the parameters; who uses it by hand calls them around evaluation.

Source: A. Defazio et al., The road less scheduled (2024), equations 2 to 4, and its reference implementation.
"""

from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from torch.optim import Optimizer


def has_modes(optimizer: Optimizer) -> bool:
    """Whether an optimizer has the two methods."""
    return callable(getattr(optimizer, "train", None)) and callable(getattr(optimizer, "eval", None))


class SwitchesModes(Callback):
    """In the mode `train` from batch to batch; in the mode `eval` at the end of an epoch, whenever validation begins, and when
    the fit ends or breaks off.

    Each call sets a mode, whatever it was: the optimizer keeps it, also in a checkpoint, so that a fit that goes on from one
    takes its steps at the weights where it would have taken them. One that is saved between two batches, in the midst of an
    epoch, has the weights of the mode `train`.
    """

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        _set_mode(trainer, "train")

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.is_last_batch:  # before whoever measures or saves at the end of the epoch
            _set_mode(trainer, "eval")

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        _set_mode(trainer, "eval")

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        _set_mode(trainer, "eval")  # of an epoch that ended before its last batch

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        _set_mode(trainer, "eval")

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        _set_mode(trainer, "eval")


def _set_mode(trainer: Trainer, mode: str) -> None:
    """Of the trainer's optimizers that have modes: the trainer may be used for another model by now, and of a validation on
    its own it has none."""
    for optimizer in trainer.optimizers:
        if has_modes(optimizer):
            getattr(optimizer, mode)()
