"""Whether a step sees everything there is to fit, or a sample of it."""

from pytorch_lightning import Trainer


def is_whole(trainer: Trainer) -> bool:
    """Whether every epoch brings one batch, always the same: all training rows, or those that `overfit_batches` names.

    A trainer that is limited to one batch of many sees other rows in every epoch.
    """
    if trainer.num_training_batches != 1:
        return False
    if trainer.overfit_batches > 0:  # type: ignore[attr-defined]
        return True
    try:
        return len(trainer.train_dataloader) == 1  # type: ignore[arg-type]
    except TypeError:  # it does not know its length
        return False
