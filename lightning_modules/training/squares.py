r"""Sums of squares of targets and of what predictions leave of them, batch after batch, without keeping the rows.

    Σ (y − ȳ)² = Σ_a (y − ȳ_a)² + Σ_b (y − ȳ_b)² + (ȳ_b − ȳ_a)² n_a n_b / (n_a + n_b)

All is relative to the first row, so that large targets lose no digits, and equal ones leave exactly 0.

Source: T. Chan, G. Golub and R. LeVeque, Algorithms for computing the sample variance (1983), equation 1.5b.
"""

from typing import NamedTuple

import torch
from torch import Tensor


class Squares(NamedTuple):
    """Of some rows, each (K,), in float64.

    Attributes:
        origin: y of the first row.
        rows: how many they are, or the sum of their weights.
        mean: ȳ less the origin.
        about_mean: Σ (y − ȳ)².
        residual: Σ (y − ŷ)².
    """

    origin: Tensor
    rows: Tensor
    mean: Tensor
    about_mean: Tensor
    residual: Tensor

    @staticmethod
    def of(preds: Tensor, target: Tensor, weights: Tensor | None = None) -> "Squares":
        """Of at least one row (n, K), in float64, which counts by its weight (n,) if there are some."""
        origin = target[0]
        moved = target - origin
        if weights is not None:
            w = weights[:, None]
            rows = w.sum(0).expand_as(origin).clone()
            mean = (w * moved).sum(0) / rows
            return Squares(origin, rows, mean, (w * (moved - mean).square()).sum(0), (w * (target - preds).square()).sum(0))
        mean = moved.mean(0)
        rows = torch.full_like(mean, len(target))
        return Squares(origin, rows, mean, (moved - mean).square().sum(0), (target - preds).square().sum(0))

    def joined(self, other: "Squares") -> "Squares":
        """Of the rows of both."""
        rows = self.rows + other.rows
        apart = (other.origin - self.origin) + (other.mean - self.mean)
        about_mean = self.about_mean + other.about_mean + apart.square() * self.rows * other.rows / rows
        return Squares(self.origin, rows, self.mean + apart * other.rows / rows, about_mean, self.residual + other.residual)

    def r2(self) -> Tensor:
        """R² (), the mean over the targets: of a constant one 1 if it is met exactly, else 0; nothing finite of such sums."""
        of_constant = torch.where(self.residual == 0, 1.0, 0.0 * self.residual)
        return torch.where(self.about_mean > 0, 1 - self.residual / self.about_mean, of_constant).mean()
