"""Whether a minimum exists is what an independent linear programme says, for every family, with and without an intercept."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from torch import Tensor

from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import (
    Bernoulli,
    ComplementaryLogLog,
    Family,
    Gamma,
    NegativeBinomial,
    Poisson,
    Probit,
    Tweedie,
)
from lightning_modules.optimizers import Convergence, Newton, minimise

COUNTS: list[Family] = [Poisson(), NegativeBinomial(0.5), Tweedie(1.5)]
CLASSES: list[Family] = [Bernoulli(), Probit(), ComplementaryLogLog()]
FAMILIES = [*COUNTS, *CLASSES]


@dataclass(frozen=True)
class Problem:
    """Few rows, on a grid or not, with targets by chance or nearly told by the features."""

    features: Tensor
    targets: Tensor
    weights: Tensor
    intercept: bool

    @property
    def columns(self) -> np.ndarray:
        kept = self.weights > 0
        x = self.features[kept].numpy()
        return np.column_stack([x, np.ones(len(x))]) if self.intercept else x

    @property
    def kept_targets(self) -> np.ndarray:
        return self.targets[self.weights > 0].numpy()


def problem(family: Family, seed: int) -> Problem:
    generator = torch.Generator().manual_seed(seed)
    draw = lambda low, high: int(torch.randint(low, high, (), generator=generator))  # noqa: E731
    rows, width = draw(6, 30), draw(1, 5)
    x = torch.randn(rows, width, dtype=torch.float64, generator=generator)
    if seed % 2:
        x = torch.randint(-1, 3, (rows, width), generator=generator).double()
    y = torch.randint(2, (rows,), generator=generator)
    if seed % 3:
        y = torch.where(x.sum(1) > (0 if seed % 3 == 1 else -1), y, 0)
    if seed % 5 == 0:
        y = (x.sum(1) > 0).long()
    if family in COUNTS:
        y = y * torch.randint(1, 4, (rows,), generator=generator)
    weights = torch.randint(0 if seed % 4 == 0 else 1, 3, (rows,), generator=generator).double()
    weights[0] = 1
    return Problem(x, y, weights, bool(seed % 7))


def has_a_direction(family: Family, p: Problem) -> bool:
    """Is there a θ along which no row's loss rises and some row's falls? Counts above 0 have to stay, counts of 0 may fall;
    labels have to move to their own side. Maximise Σ m, m = how far, at most 1 each: the maximum is 0 or at least 1.

    Source for counts: S. Correia, P. Guimarães and T. Zylkin, Verifying the existence of maximum likelihood estimates for
    generalized linear models (2019).
    """
    x, y = p.columns, p.kept_targets
    if family in COUNTS:
        m, still = -x[y == 0], x[y > 0]
    else:
        m, still = x * np.where(y == 1, 1, -1)[:, None], x[:0]
    if len(m) == 0:
        return False
    both, limits = np.concatenate([m, -m]), np.concatenate([np.ones(len(m)), np.zeros(len(m))])
    equal = {"A_eq": still, "b_eq": np.zeros(len(still))} if len(still) else {}
    solution = linprog(-m.sum(0), A_ub=both, b_ub=limits, bounds=(None, None), **equal)
    assert solution.success
    return bool(-solution.fun > 0.5)


def fitted(objective: GLMObjective) -> Convergence:
    return minimise(objective, torch.zeros(objective.layout.width, dtype=torch.float64), Newton, 100).verdict


def check(family: Family, seed: int) -> None:
    p = problem(family, seed)
    objective = GLMObjective(family, p.features, p.targets, weights=p.weights, intercept=p.intercept)
    found = fitted(objective)
    if has_a_direction(family, p):
        assert found.status == "separated", (type(family).__name__, seed, found)
    else:
        assert found.status in ("converged", "rank_deficient"), (type(family).__name__, seed, found)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: type(family).__name__)
def test_separated_if_and_only_if_a_linear_programme_says_so(family: Family) -> None:
    for seed in range(40):
        check(family, seed)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: type(family).__name__)
@pytest.mark.parametrize("part", range(4))
def test_on_ten_thousand_designs(family: Family, part: int) -> None:
    for seed in range(40 + 420 * part, 40 + 420 * (part + 1)):
        check(family, seed)


def test_the_problems_are_of_both_kinds() -> None:
    for family in FAMILIES:
        separated = sum(has_a_direction(family, problem(family, seed)) for seed in range(40))
        assert 5 <= separated <= 35


def test_positive_amounts_always_have_a_minimum() -> None:
    """Gamma's loss rises in both directions of every row."""
    for seed in range(30):
        p = problem(Gamma(), seed)
        y = 0.5 + p.targets.double()
        found = fitted(GLMObjective(Gamma(), p.features, y, weights=p.weights, intercept=p.intercept))
        assert found.status in ("converged", "rank_deficient"), (seed, found)
