"""Features of a part of the data at the present weights, of the images as they are."""

from typing import Any

import torch
from pytorch_lightning import LightningModule
from torch import Tensor


@torch.no_grad()
def plain_features(model: LightningModule, data: Any, split: str, num_features: int) -> tuple[Tensor, Tensor]:
    """What a model's `forward` makes of images (B, …), and their labels: (n, F), (n,), of this process's rows.

    Args:
        model: with its trainer, and where it computes.
        data: whose images they are; one that makes views of them in training serves them as such by `plain_dataloader`.
        split: "train" or "val".
        num_features: F, for a part without rows.
    """
    plain = getattr(data, "plain_dataloader", None)
    features = [torch.zeros(0, num_features, dtype=model.dtype, device=model.device)]  # type: ignore[arg-type]
    labels = [torch.zeros(0, dtype=torch.int64, device=model.device)]
    for batch in getattr(data, f"{split}_dataloader")() if plain is None else plain(split):
        on_device = model.trainer.strategy.batch_to_device(batch, model.device)
        features.append(model(on_device[0]))
        labels.append(on_device[-1])
    return torch.cat(features), torch.cat(labels)
