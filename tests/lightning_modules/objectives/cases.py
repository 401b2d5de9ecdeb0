"""Objectives as data: every family, with and without penalty, at several chunk sizes, each on its own random data."""

from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import Bernoulli, Categorical, Family, Gaussian

FAMILIES: dict[str, Family] = {
    "gaussian1": Gaussian(1),
    "gaussian3": Gaussian(3),
    "bernoulli": Bernoulli(),
    "categorical3": Categorical(3),
    "categorical5": Categorical(5),
}


def random_targets(family: Family, rows: int, generator: torch.Generator) -> Tensor:
    """Targets that suit the family and depend on nothing."""
    if isinstance(family, Gaussian):
        return torch.randn(rows, family.num_outputs, dtype=torch.float64, generator=generator)
    return torch.randint(max(2, family.num_outputs), (rows,), generator=generator)


def torch_losses(family: Family, z: Tensor, y: Tensor) -> Tensor:
    """Loss of each row (n,) by torch.nn.functional, y as the family's `check` returns it."""
    if isinstance(family, Gaussian):
        return 0.5 * torch.nn.functional.mse_loss(z, y, reduction="none").sum(1)
    if isinstance(family, Bernoulli):
        return binary_cross_entropy_with_logits(z, y.to(z), reduction="none")[:, 0]
    return cross_entropy(z, y, reduction="none")


@dataclass(frozen=True)
class Case:
    """One objective on 23 random rows of 4 features."""

    family_name: str
    l2: float
    chunk_rows: int | None
    seed: int

    @property
    def id(self) -> str:
        return f"{self.family_name}-l2={self.l2}-chunk={self.chunk_rows}"

    @property
    def family(self) -> Family:
        return FAMILIES[self.family_name]

    def data(self) -> tuple[Tensor, Tensor]:
        generator = torch.Generator().manual_seed(self.seed)
        features = torch.randn(23, 4, dtype=torch.float64, generator=generator)
        return features, random_targets(self.family, 23, generator)

    def objective(self) -> GLMObjective:
        return GLMObjective(self.family, *self.data(), l2=self.l2, chunk_rows=self.chunk_rows)

    def theta(self, which: int = 0) -> Tensor:
        """A random point (or direction) in the objective's parameter space."""
        generator = torch.Generator().manual_seed(1000 + 10 * self.seed + which)
        return torch.randn(self.family.num_outputs * 5, dtype=torch.float64, generator=generator)


CASES = [
    Case(name, l2, chunk_rows, seed) for seed, (name, l2, chunk_rows) in enumerate(product(FAMILIES, (0.0, 0.3), (1, 7, None)))
]
