"""Features of a part of the data at the present weights, without leaving a trace in the training."""

from collections.abc import Callable

import torch
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from callbacks.frozen import frozen

Labelled = tuple[Tensor, Tensor]


def frozen_features(trainer: Trainer, pl_module: LightningModule, split: str, encode: Callable[[Tensor], Tensor]) -> Labelled:
    """`encode` of the images without augmentation, and their labels, in the order of the batches.

    Args:
        trainer: whose data module is read.
        pl_module: the model, frozen meanwhile.
        split: "train", "val" or "test".
        encode: images (B, …) -> features (B, d).

    Returns:
        Features (n, d) and labels (n,) of this process's rows.
    """
    features, labels = [], []
    with frozen(pl_module):
        for batch in getattr(trainer.datamodule, f"{split}_dataloader")():  # type: ignore[attr-defined]
            # A two-view batch opens with the original and ends with the label.
            on_device = trainer.strategy.batch_to_device(batch)
            features.append(encode(on_device[0]))
            labels.append(on_device[-1])
    return torch.cat(features), torch.cat(labels)
