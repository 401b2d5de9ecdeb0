"""A generalised linear model on strongly correlated features."""

import torch

from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import Family
from tests.lightning_modules.objectives.cases import random_targets


def correlated(family: Family, rows: int = 120, features: int = 8, l2: float = 0.0, seed: int = 0) -> GLMObjective:
    """Features that are mostly one common number."""
    generator = torch.Generator().manual_seed(seed)
    common, own = (torch.randn(rows, k, dtype=torch.float64, generator=generator) for k in (1, features))
    return GLMObjective(family, common + 0.1 * own, random_targets(family, rows, generator), l2)
