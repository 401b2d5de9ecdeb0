"""Gamma family with the logarithm as its link: positive amounts."""

import math

from torch import Tensor

from lightning_modules.objectives.families.tweedie import Tweedie


class Gamma(Tweedie):
    """l(z, y) = y e^(−z) + z − 1 − log y with y > 0; μ(z) = eᶻ, ∂²l/∂z² = y e^(−z); K = 1: Tweedie's family with p = 2."""

    def __init__(self) -> None:
        super().__init__(power=2)

    def log_likelihood_met(self, y: Tensor, weights: Tensor, dispersion: float) -> Tensor:
        """Of shape 1/φ."""
        shape = 1 / dispersion
        return weights * (shape * math.log(shape) - math.lgamma(shape) - y.double()[:, 0].log() - shape)
