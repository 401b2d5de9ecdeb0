"""Estimated diagonals of an objective's curvature, by the probes of `rademacher.py`."""

import torch
from torch import Tensor

from lightning_modules.objectives.objective import Objective
from lightning_modules.objectives.rademacher import DiagonalEstimate, estimate_diagonal


def hessian_diagonal_estimate(
    objective: Objective, theta: Tensor, probes: int, generator: torch.Generator | None = None
) -> DiagonalEstimate:
    """`estimate_diagonal` of an objective's Hessian at θ (p,), with as many `probes` from a `generator`."""
    return estimate_diagonal(objective.at(theta).curvature("hessian").product, theta, probes, generator)


def ggn_diagonal_estimate(
    objective: Objective, theta: Tensor, probes: int, generator: torch.Generator | None = None
) -> DiagonalEstimate:
    """`estimate_diagonal` of an objective's Gauss–Newton matrix at θ (p,), with as many `probes` from a `generator`."""
    return estimate_diagonal(objective.at(theta).curvature("ggn").product, theta, probes, generator)
