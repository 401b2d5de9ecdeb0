"""The images of a part of the data as they are, for who does not look at the views that training sees."""

from typing import Any

from pytorch_lightning import Trainer


def plain_batches(trainer: Trainer, split: str) -> Any:
    """The batches of a part of the data, images first and labels last.

    Args:
        trainer: whose data module is read: its `plain_dataloader` where it makes views in training.
        split: "train", "val" or "test".
    """
    data: Any = trainer.datamodule  # type: ignore[attr-defined]
    plain = getattr(data, "plain_dataloader", None)
    return getattr(data, f"{split}_dataloader")() if plain is None else plain(split)
