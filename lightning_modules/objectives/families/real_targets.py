"""Real targets in the one shape that no loss can broadcast."""

import torch
from torch import Tensor

from lightning_modules.objectives.families.refused_rows import not_finite, refuse_any


def real_targets(targets: Tensor, num_outputs: int) -> Tensor:
    """Real targets (n, K); (n,) is read as (n, 1).

    Raises:
        ValueError: class labels, a shape that would broadcast against outputs (n, K), a target that is not finite.
    """
    if not targets.is_floating_point():
        raise ValueError(
            f"the targets are class labels ({targets.dtype}), not real numbers: a regression does not fit them; "
            "use LogisticRegression or SoftmaxRegression, or loss='cross_entropy'"
        )
    if targets.ndim == 1:
        targets = targets[:, None]
    if targets.ndim != 2 or targets.shape[1] != num_outputs:
        remedy = f"set its number of outputs to {targets.shape[1]}" if targets.ndim == 2 else "give one row of them a row"
        raise ValueError(f"the targets have shape {tuple(targets.shape)}, the model predicts (rows, {num_outputs}): {remedy}")
    refuse_any(targets, lambda y: ~torch.isfinite(y), not_finite)
    return targets
