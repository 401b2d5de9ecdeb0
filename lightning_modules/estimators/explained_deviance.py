"""How much of a target's deviance a model explains.

    D² = 1 − Σ w_i l(z_i, y_i) / Σ w_i l(z̄, y_i),      l half the unit deviance of the family, z̄ that of the targets' mean

Of squared errors it is R².  Source: T. Hastie, R. Tibshirani and M. Wainwright, Statistical Learning with Sparsity (2015),
section 3.7.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from lightning_modules.objectives.families import Family


def explained_deviance(family: Family, z: Tensor, targets: Tensor, weights: Tensor) -> float:
    """D²; of targets that are all the same 1 where each is met, else 0.

    Args:
        family: of the targets.
        z: linear predictors (n, K), offset included.
        targets: y (n,), as the family checks them.
        weights: w (n,), not all of them 0.

    Raises:
        ValueError: targets that do not suit the family.
    """
    y = family.check(targets)

    def mean_of(of: Callable[[Tensor], Tensor]) -> Tensor:
        return torch.tensordot(weights / weights.sum(), of(y), 1)

    if family.takes_shares:
        # Whatever the link, the loss of predicting each by their mean is the entropy of that mean.
        least = float(mean_of(family.least_loss))
        center = mean_of(lambda part: part.double())[None]
        whole = float(family.least_loss(center)) - least
        left = float(mean_of(lambda part: family.loss(z, part))) - least
    else:
        left, whole = float(mean_of(lambda part: family.loss(z, part))), family.unit(mean_of)
    return 1 - left / whole if whole > 0 else float(left == 0)
