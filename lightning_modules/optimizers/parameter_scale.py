r"""The scale of each parameter: how much the loss bends along it, D = diag C.

    D ← max(D, |diag C|)        entry by entry, over the steps

What is measured by it, √(sᵀDs) for the length of a step, does not depend on the units of parameters. The maximum keeps a
parameter from moving far as soon as the loss is flat along it for once. Source: J. J. Moré, The Levenberg–Marquardt algorithm:
implementation and theory (1978), section 4.

Of a network D is that of the present point, the mean over the network in the units of features and targets
(`Objective.pooled`): its units take turns at being flat, and to damp each by its own past holds those back that could learn.
"""

import torch
from torch import Tensor

from lightning_modules.devices import is_asynchronous
from lightning_modules.objectives import Objective


def updated_scale(scale: Tensor | None, diagonal: Tensor, objective: Objective) -> Tensor:
    """D at a point, from D before it (p,), None at first, and diag C there (p,): (p,) in float64."""
    diagonal = objective.pooled(diagonal.double().abs())
    return diagonal if scale is None or objective.is_redundant else torch.maximum(scale, diagonal)


def measured_scale(scale: Tensor | None, diagonal: Tensor, objective: Objective) -> Tensor:
    """D by which a gradient is measured, from the last one and diag C (p,): (p,) in float64.

    As for the damping; but of a function in no known unit it is that of the point alone: far from a minimum functions bend by
    many orders of magnitude more than near it, and beside that everything would be small.
    """
    return updated_scale(None if objective.unit is None else scale, diagonal, objective)


def positive_scale(scale: Tensor, theta: Tensor, gradient: Tensor, unit: float | None = None) -> Tensor:
    """D, with what limits a step of a parameter where the loss has not bent along it, or not for its slope: (p,).

    To about its own length, |g| / |θ|; where it has no slope either by what bends the loss by u on the way to 0, u / θ²; where
    it is 0 itself by what lets the slope gain no more than u, g² / u. u is what the loss varies by with the parameters, so that
    the answer does not depend on units. Where nothing is known of a parameter, it is 1.

    Rows that are predicted surely and wrongly have a slope and next to no curvature. Where the unit of the loss is known, no
    slope may gain more than that either, D ≥ g² / unit.

    Args:
        scale: D (p,).
        theta: θ (p,).
        gradient: g (p,).
        unit: of the loss; None, or 0, where it is not known.
    """
    theta, gradient = theta.double().abs(), gradient.double().abs()
    bent, away = scale > 0, theta > 0
    if not is_asynchronous(scale) and bool(bent.all()):  # as nearly always
        return torch.maximum(scale, gradient.square() / unit) if unit else scale
    size = bend_to(scale, theta) + gradient @ theta + torch.where(bent, gradient.square() / scale, 0.0).sum()
    by_itself = torch.where(gradient > 0, gradient / theta, size / theta.square())
    instead = torch.where(away, by_itself, gradient.square() / torch.where(size == 0, 1.0, size))
    positive = torch.where(bent, scale, torch.where(instead > 0, instead, 1.0))
    return torch.maximum(positive, gradient.square() / unit) if unit else positive


def energy(scale: Tensor, theta: Tensor) -> float:
    """θᵀDθ: (p,), (p,) -> a number."""
    return float(bend_to(scale, theta))


def bend_to(scale: Tensor, theta: Tensor) -> Tensor:
    """θᵀDθ as a tensor (), which nobody has to wait for."""
    return scale @ theta.double().square()
