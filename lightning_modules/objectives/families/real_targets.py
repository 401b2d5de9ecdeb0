"""Real targets in the one shape that no loss can broadcast."""

from collections.abc import Callable

import torch
from torch import Tensor

from lightning_modules.objectives.families.host_waits import refuse_any
from lightning_modules.objectives.families.pointwise_loss import PointwiseLoss


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
    bad = ~torch.isfinite(targets)
    refuse_any(bad, lambda: f"{int(bad.sum())} targets are not finite: remove those rows")
    return targets


def unit_of_targets(loss: PointwiseLoss, y: Tensor, mean: Callable[[Tensor], Tensor]) -> float:
    """The mean loss of predicting every target by their mean: of squares half the variance, of absolute values the deviation.

    Args:
        loss: of one row.
        y: checked targets of this process's rows (n, K).
        mean: sums over this process's rows -> means over all rows.
    """
    y = y.double()
    center = mean(y.sum(0))
    # Once more, since the first mean is as exact as sums of large numbers are.
    center = center + mean((y - center).sum(0))
    return float(mean(loss.loss((center - center).expand_as(y), y - center).sum()))
