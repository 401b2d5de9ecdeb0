"""Bernoulli family: logistic regression."""

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

from lightning_modules.objectives.families.family import Family
from lightning_modules.objectives.families.refused_rows import refuse_any


class Bernoulli(Family):
    """l(z, y) = log(1 + eᶻ) − y z with y ∈ {0, 1}; μ(z) = σ(z), ∇μ = σ(1 − σ); K = 1.

    |σ''| = σ(1 − σ) |1 − 2σ| ≤ σ', hence the self-concordance constant 1.
    """

    self_concordance = 1.0
    has_lipschitz_mean = True
    has_row_weights = True

    def __init__(self) -> None:
        super().__init__(num_outputs=1)

    def check(self, targets: Tensor) -> Tensor:
        """Labels 0 and 1, shape (n,) or (n, 1), of any type -> (n, 1)."""
        y = targets[:, None] if targets.ndim == 1 else targets
        if y.shape[1:] != (1,):
            raise ValueError(f"the targets have shape {tuple(targets.shape)}, a binary model takes one 0/1 label a row")
        refuse_any(y, lambda part: (part != 0) & (part != 1), lambda bad: self._remedy(y, bad))
        return y.long()

    def _remedy(self, y: Tensor, bad: Tensor) -> str:
        if not torch.isfinite(y).all():
            return f"{int((~torch.isfinite(y)).sum())} targets are not finite: remove those rows"
        low, high = y.min().item(), y.max().item()
        remedy = "LinearRegression" if y.is_floating_point() else f"SoftmaxRegression (num_classes={high + 1})"
        return (
            f"{int(bad.sum())} of {len(y)} targets are neither 0 nor 1 (they run from {low:g} to {high:g}): "
            f"a binary classifier does not fit them; use {remedy}"
        )

    def loss(self, z: Tensor, y: Tensor) -> Tensor:
        # As log(1 + e^(∓z)), not log(1 + eᶻ) − y z: that loses the small loss of a confident row to cancellation.
        # PyTorch's softplus becomes linear above 20 by default, an error of 2e-9, so move that out.
        return softplus(torch.where(y == 1, -z, z), threshold=40)[:, 0]

    def total(self, z: Tensor, y: Tensor) -> Tensor:
        return binary_cross_entropy_with_logits(z, y.to(z.dtype), reduction="sum")

    def mean(self, z: Tensor) -> Tensor:
        # torch.sigmoid rounds the last numbers of a row of them in another way than the others; exp rounds all alike.
        return 1 / (1 + torch.exp(-z))

    def gradient(self, z: Tensor, y: Tensor) -> Tensor:
        # −σ(−z), not σ(z) − 1, which has no digit left from z = 37 on.
        return torch.where(y == 1, -torch.sigmoid(-z), torch.sigmoid(z))

    def loss_and_gradient(self, z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return self.loss(z, y), torch.sigmoid(z).sub_(y)

    def curvature(self, z: Tensor) -> Tensor:
        return self.curvature_diagonal(z)[:, :, None]

    def curvature_diagonal(self, z: Tensor) -> Tensor:
        # σ(z) σ(−z), not σ(z) (1 − σ(z)): the latter is exactly 0 from z = 37 on.
        return torch.sigmoid(z) * torch.sigmoid(-z)

    def curvature_product(self, z: Tensor, y: Tensor, v: Tensor) -> Tensor:
        return self.curvature_diagonal(z) * v

    def curvature_factor(self, z: Tensor, y: Tensor) -> Tensor:
        return self.curvature_diagonal(z).sqrt()[None]

    def recession(self, z: Tensor, y: Tensor) -> Tensor:
        return torch.relu(torch.where(y == 1, -z, z))[:, 0]
