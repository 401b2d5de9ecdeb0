"""Bernoulli family: logistic regression."""

import math

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

from lightning_modules.objectives.families.divergences import divergence
from lightning_modules.objectives.families.two_classes import TwoClasses


class Bernoulli(TwoClasses):
    """l(z, y) = log(1 + eᶻ) − y z with y ∈ {0, 1}, or a share in [0, 1]; μ(z) = σ(z), ∇μ = σ(1 − σ); K = 1.

    |σ''| = σ(1 − σ) |1 − 2σ| ≤ σ', hence the self-concordance constant 1.
    """

    self_concordance = 1.0
    predictor = "log-odds"
    is_canonical = True
    remedy = "Firth's penalty, LogisticRegression's firth=True, or l2 > 0"

    def infimum_within(self, low: float, high: float) -> float:
        return min(math.log1p(math.exp(-high)), math.log1p(math.exp(low)))

    def loss(self, z: Tensor, y: Tensor) -> Tensor:
        # As log(1 + e^(∓z)), not log(1 + eᶻ) − y z: that loses the small loss of a confident row to cancellation.
        # PyTorch's softplus becomes linear above 20 by default, an error of 2e-9, so move that out.
        if not y.is_floating_point():
            return softplus(torch.where(y == 1, -z, z), threshold=40)[:, 0]
        y = y.to(z.dtype)
        return (y * softplus(-z, threshold=40) + (1 - y) * softplus(z, threshold=40))[:, 0]

    def total(self, z: Tensor, y: Tensor) -> Tensor:
        return binary_cross_entropy_with_logits(z, y.to(z.dtype), reduction="sum")

    def mean(self, z: Tensor) -> Tensor:
        # torch.sigmoid rounds the last numbers of a row of them in another way than the others; exp rounds all alike.
        return 1 / (1 + torch.exp(-z))

    def gradient(self, z: Tensor, y: Tensor) -> Tensor:
        # −σ(−z), not σ(z) − 1, which has no digit left from z = 37 on.
        if not y.is_floating_point():
            return torch.where(y == 1, -torch.sigmoid(-z), torch.sigmoid(z))
        y = y.to(z.dtype)
        return (1 - y) * torch.sigmoid(z) - y * torch.sigmoid(-z)

    def loss_and_gradient(self, z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return self.loss(z, y), torch.sigmoid(z).sub_(y)

    def second_derivative(self, z: Tensor, y: Tensor) -> Tensor:
        # σ(z) σ(−z), not σ(z) (1 − σ(z)): the latter is exactly 0 from z = 37 on.
        return torch.sigmoid(z) * torch.sigmoid(-z)

    def recession(self, z: Tensor, y: Tensor) -> Tensor:
        if not y.is_floating_point():
            return torch.relu(torch.where(y == 1, -z, z))[:, 0]
        y = y.to(z.dtype)
        return (y * torch.relu(-z) + (1 - y) * torch.relu(z))[:, 0]

    def duality_gap(self, z: Tensor, y: Tensor, slope: Tensor) -> Tensor:
        y = y.to(z.dtype)
        return divergence(slope + y, 1 - y - slope, z)

    def gradient_terms(self, z: Tensor, y: Tensor) -> Tensor:
        return torch.ones_like(z)
