"""Classification problems of known shape, drawn from the models that are then fitted to them."""

import math
from typing import NamedTuple

import torch
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.preprocessing import scale
from torch import Tensor

from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import Bernoulli, Categorical, Family


class Problem(NamedTuple):
    """A generalised linear model's data, in float64, to be fitted with the penalty 1/n on the mean loss.

    Attributes:
        family: Bernoulli, or Categorical for more than two classes.
        features: (n, d).
        targets: labels (n,).
    """

    family: Family
    features: Tensor
    targets: Tensor

    @property
    def l2(self) -> float:
        return 1 / len(self.features)

    def objective(self) -> GLMObjective:
        return GLMObjective(self.family, self.features, self.targets, self.l2)


def shape(rows: int, features: int) -> str:
    """1 000 000 × 50"""
    return f"{rows:,} × {features:,}".replace(",", " ")


def drawn(rows: int, features: int, classes: int = 2, condition: float = 1.0) -> Problem:
    """Normal features and labels from the logistic (softmax) model with weights of variance 4/d.

    Args:
        rows, features, classes: n, d and K.
        condition: above 1, of the features' covariance: half of its digits from correlations, half from the columns' units.
    """
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(rows, features, dtype=torch.float64, generator=generator)
    if condition > 1:
        basis, _ = torch.linalg.qr(torch.randn(features, features, dtype=torch.float64, generator=generator))
        digits = math.log10(condition) / 4  # of the singular values, which are square roots
        mixed = (basis * torch.logspace(0, -digits, features, dtype=torch.float64)) @ basis.T
        x = x @ mixed
    family: Family = Bernoulli() if classes == 2 else Categorical(classes)
    weights = torch.randn(features, family.num_outputs, dtype=torch.float64, generator=generator) * 2 / features**0.5
    z = x / x.std(0) @ weights
    if condition > 1:
        x *= units(mixed @ mixed, condition, torch.randperm(features, generator=generator))
    if classes == 2:
        return Problem(family, x, (torch.rand(rows, dtype=torch.float64, generator=generator) < z[:, 0].sigmoid()).long())
    gumbel = -torch.empty_like(z).exponential_(generator=generator).log()
    return Problem(family, x, (z + gumbel).argmax(1))


def units(covariance: Tensor, condition: float, order: Tensor) -> Tensor:
    """Scales of the columns (d,), evenly spaced in digits, by which a covariance (d, d) gets the condition; by bisection."""
    low, high = 0.0, math.log10(condition)
    for _ in range(30):
        scales = torch.logspace((low + high) / 2, 0, len(covariance), dtype=torch.float64)[order]
        is_low = torch.linalg.cond(scales[:, None] * covariance * scales) < condition
        low, high = ((low + high) / 2, high) if is_low else (low, (low + high) / 2)
    return scales


def bundled(name: str) -> Problem:
    """Breast cancer or Iris, standardised."""
    data = {"breast cancer": load_breast_cancer, "Iris": load_iris}[name]()
    family: Family = Bernoulli() if len(data.target_names) == 2 else Categorical(len(data.target_names))
    return Problem(family, torch.from_numpy(scale(data.data)), torch.from_numpy(data.target))
