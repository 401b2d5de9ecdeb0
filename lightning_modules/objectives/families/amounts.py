"""Targets that are counts or amounts, whose mean is positive."""

import torch
from torch import Tensor

from lightning_modules.counting import are, counted
from lightning_modules.objectives.families.refused_rows import not_finite, refuse_any


def checked_amounts(targets: Tensor, has_zeros: bool = True, is_whole: bool = False) -> Tensor:
    """Numbers ≥ 0 of any type -> floating-point ones (n, 1).

    Args:
        targets: (n,) or (n, 1).
        has_zeros: whether 0 may be among them.
        is_whole: whether they must be whole numbers.

    Raises:
        ValueError: another shape, or numbers that are not so; says how many, and what would fit them.
    """
    y = targets[:, None] if targets.ndim == 1 else targets
    if y.shape[1:] != (1,):
        raise ValueError(f"the targets have shape {tuple(targets.shape)}, a model of counts or amounts takes one number a row")
    if not y.is_floating_point():
        y = y.to(torch.get_default_dtype())

    def is_bad(part: Tensor) -> Tensor:
        is_good = (part < torch.inf) & (part >= 0 if has_zeros else part > 0)  # false for nan
        return ~(is_good & (part == part.round())) if is_whole else ~is_good

    refuse_any(y, is_bad, lambda bad: _remedy(y, bad, has_zeros))
    return y


def _remedy(y: Tensor, bad: Tensor, has_zeros: bool) -> str:
    if not torch.isfinite(y).all():
        return not_finite(~torch.isfinite(y))
    lowest = y.min().item()
    found = f"{int(bad.sum())} of {counted(len(y), 'target')} {are(int(bad.sum()))}"
    if lowest < 0:
        return f"{found} unfit for a mean eᶻ > 0 (the smallest is {lowest:g}): use LinearRegression, which takes negative ones"
    if lowest == 0 and not has_zeros:
        return f"{found} 0, and gamma amounts are positive: use TweedieRegression, power between 1 and 2, or PoissonRegression"
    return f"{found} no whole numbers, and these are counts: use PoissonRegression, which takes rates, or GammaRegression"
