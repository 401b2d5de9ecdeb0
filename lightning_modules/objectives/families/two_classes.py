"""What two classes have in common, whatever the link."""

from torch import Tensor

from lightning_modules.objectives.families.one_output import OneOutput
from lightning_modules.objectives.families.shares import checked_shares, entropy, log_chances


class TwoClasses(OneOutput):
    """y ∈ {0, 1}, or a share in [0, 1], with a probability that is a function of z; K = 1."""

    takes_shares = True
    infimum = 0.0

    def check(self, targets: Tensor) -> Tensor:
        """As `checked_shares`."""
        return checked_shares(targets)

    def variance(self, mean: Tensor) -> Tensor:
        return mean * (1 - mean)

    def least_loss(self, y: Tensor) -> Tensor:
        return entropy(y)

    def log_likelihood_met(self, y: Tensor, weights: Tensor, dispersion: float) -> Tensor:
        return log_chances(y, weights) - weights * entropy(y)
