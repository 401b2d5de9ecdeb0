"""Features of a part of the data at the present weights, without leaving a trace in the training."""

from collections.abc import Callable, Sized

import torch
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from callbacks.frozen import frozen
from callbacks.plain_batches import plain_batches

Labelled = tuple[Tensor, Tensor]


def frozen_features(trainer: Trainer, pl_module: LightningModule, split: str, encode: Callable[[Tensor], Tensor]) -> Labelled:
    """`encode` of the images without augmentation, and their labels, in the order of the batches.

    Args:
        trainer: whose data module is read.
        pl_module: the model, frozen meanwhile.
        split: "train", "val" or "test".
        encode: images (B, …) -> features (B, d).

    Returns:
        Features (n, d) and labels (n,) of this process's rows; of a part without rows (0, 0) and (0,).
    """
    features, labels = [], []
    with frozen(pl_module):
        for batch in plain_batches(trainer, split):
            # A two-view batch, of who has no other, opens with the original and ends with the label.
            on_device = trainer.strategy.batch_to_device(batch)
            features.append(encode(on_device[0]))
            labels.append(on_device[-1])
    if not labels:
        return torch.zeros(0, 0, device=pl_module.device), torch.zeros(0, dtype=torch.int64, device=pl_module.device)
    return torch.cat(features), torch.cat(labels)


def has_rows(trainer: Trainer, split: str) -> bool:
    """Whether a part has rows, on whatever process: the answer is the same on all of them.

    Args:
        trainer: whose data module is asked; a loader that does not know its length is taken to have rows.
        split: "val" or "test".
    """
    loader = getattr(trainer.datamodule, f"{split}_dataloader")()  # type: ignore[attr-defined]
    return not isinstance(loader, Sized) or len(loader) > 0
