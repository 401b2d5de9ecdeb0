"""Weights that are numbers."""

from pathlib import Path

import torch
from torch import Tensor, nn


def refuse_not_finite_weights(path: Path, state: dict[str, Tensor], model: nn.Module) -> None:
    """Refuse a checkpoint whose parameters are nan or infinite: whatever came of them would be so, too, or look like an answer.

    What else a model keeps, such as a mask of −∞, may be so.

    Args:
        path: of the checkpoint.
        state: what it holds by name.
        model: whose parameters are looked at.

    Raises:
        ValueError: names the first of them.
    """
    for name, _ in model.named_parameters():
        values = state.get(name)
        if values is not None and not torch.isfinite(values).all():
            bad = int((~torch.isfinite(values)).sum())
            raise ValueError(
                f"{path}: {bad} of {values.numel()} weights in {name} are not finite, so no prediction and no step can be made "
                "of them: take an earlier checkpoint, or train the model anew"
            )
