"""Targets of binary models: labels 0 and 1, or shares between them."""

import torch
from torch import Tensor

from lightning_modules.counting import are, counted
from lightning_modules.objectives.families.refused_rows import not_finite, refuse_any
from lightning_modules.objectives.mapped_pages import pieces


def checked_shares(targets: Tensor) -> Tensor:
    """Labels 0 and 1 of any type -> integers (n, 1); shares in [0, 1], of which one at least is no label, as they are (n, 1).

    A share k/m of m trials that ended with k successes, in a row of weight m, is a grouped binomial target.

    Args:
        targets: (n,) or (n, 1).

    Raises:
        ValueError: another shape, or numbers that are neither; says what would fit them.
    """
    y = targets[:, None] if targets.ndim == 1 else targets
    if y.shape[1:] != (1,):
        raise ValueError(f"the targets have shape {tuple(targets.shape)}, a binary model takes one 0/1 label a row")
    if y.is_floating_point():
        if _are_labels(y):
            return y.long()
        refuse_any(y, lambda part: ~((part >= 0) & (part <= 1)), lambda bad: _remedy(y, bad))
        return y
    refuse_any(y, lambda part: (part != 0) & (part != 1), lambda bad: _remedy(y, bad))
    return y.long()


def entropy(y: Tensor) -> Tensor:
    """−y log y − (1 − y) log (1 − y), the least loss of a share; of a label 0: (n, 1) -> (n,)."""
    y = y.double()[:, 0]
    return torch.special.entr(y) + torch.special.entr(1 - y)


def log_chances(y: Tensor, weights: Tensor) -> Tensor:
    """log of the ways in which m trials have k successes, of a share k/m in a row of weight m: (n, 1), (n,) -> (n,); of a
    label there is one."""
    successes = weights * y.double()[:, 0]
    return torch.lgamma(weights + 1) - torch.lgamma(successes + 1) - torch.lgamma(weights - successes + 1)


def _are_labels(y: Tensor) -> bool:
    """Whether every number is 0 or 1. A device is not asked: numbers are as good as labels."""
    return y.device.type == "cpu" and all(bool(((part == 0) | (part == 1)).all()) for (part,) in pieces(y))


def _remedy(y: Tensor, bad: Tensor) -> str:
    if not torch.isfinite(y).all():
        return not_finite(~torch.isfinite(y))
    low, high = y.min().item(), y.max().item()
    remedy = (
        "LinearRegression, or of k successes in m trials the share k/m with the weight m"
        if y.is_floating_point()
        else f"SoftmaxRegression (num_classes={high + 1})"
    )
    if not y.is_floating_point():
        remedy += "; if they are shares between 0 and 1, read them by task=regression (--data.task=regression)"
    found = "neither 0 nor 1, nor between" if y.is_floating_point() else "neither 0 nor 1"
    return (
        f"{int(bad.sum())} of {counted(len(y), 'target')} {are(int(bad.sum()))} {found} (they run from {low:g} to {high:g}): "
        f"a model of two classes does not fit them; use {remedy}"
    )
