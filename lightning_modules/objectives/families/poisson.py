"""Poisson family: counts, and rates of them."""

import torch
from torch import Tensor

from lightning_modules.objectives.families.tweedie import Tweedie


class Poisson(Tweedie):
    """l(z, y) = eᶻ − y z + y log y − y with y ≥ 0; μ(z) = eᶻ = ∇μ; K = 1: Tweedie's family with p = 1, canonical."""

    def __init__(self) -> None:
        super().__init__(power=1)

    def log_likelihood_met(self, y: Tensor, weights: Tensor, dispersion: float) -> Tensor:
        y = y.double()[:, 0]
        return weights * (torch.xlogy(y, y) - y - torch.lgamma(y + 1))
