"""Whether the classes are separated is what an independent linear programme says, on random sets of every kind."""

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from torch import Tensor

from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import Bernoulli, Categorical
from lightning_modules.optimizers import DiagonalNewton, Newton, diagnose
from tests.lightning_modules.optimizers.fitting import run
from tests.lightning_modules.optimizers.verdicts import assert_separated, fitted


def margin_matrix(x: Tensor, y: Tensor, classes: int) -> np.ndarray:
    """M with Mθ the margins of every row over every other class."""
    extended = torch.cat([x, torch.ones(len(x), 1, dtype=x.dtype)], 1).numpy()
    one_hot = np.eye(classes)
    rows = [
        np.kron(one_hot[label] - one_hot[other], row)
        for row, label in zip(extended, y.tolist(), strict=True)
        for other in range(classes)
        if other != label
    ]
    return np.array(rows)


def separable(x: Tensor, y: Tensor, classes: int) -> bool:
    """Is there a θ with all margins ≥ 0 and one > 0? Maximise Σ m subject to 0 ≤ m = Mθ ≤ 1: the maximum is 0 or at least 1."""
    m = margin_matrix(x, y, classes)
    both = np.concatenate([m, -m])
    limits = np.concatenate([np.ones(len(m)), np.zeros(len(m))])
    solution = linprog(-m.sum(0), A_ub=both, b_ub=limits, bounds=(None, None))
    assert solution.success
    return -solution.fun > 0.5


def small_problem(seed: int) -> tuple[Tensor, Tensor, int]:
    """Few rows, on a grid or not, with labels by chance, by a line, or by a line with rows on it that carry any label."""
    generator = torch.Generator().manual_seed(seed)
    draw = lambda low, high: int(torch.randint(low, high, (), generator=generator))  # noqa: E731
    classes, features = draw(2, 4), draw(1, 5)
    rows = draw(4, 30)
    x = torch.randn(rows, features, dtype=torch.float64, generator=generator)
    if seed % 2 or seed % 3 == 1:
        x = torch.randint(-2, 3, (rows, features), generator=generator).double()
    y = torch.randint(classes, (rows,), generator=generator)
    if seed % 3:
        score = x.sum(1)
        by_line = (score > 0).long() + (score > 2).long() * (classes - 2)
        y = torch.where(score == 0, y, by_line) if seed % 3 == 1 else by_line
    return x, y, classes


@pytest.mark.parametrize(
    "seed", [pytest.param(seed, marks=pytest.mark.slow if seed % 4 in (1, 2) else ()) for seed in range(200)]
)
def test_separated_if_and_only_if_a_linear_program_says_so(seed):
    x, y, classes = small_problem(seed)
    objective = GLMObjective(Bernoulli() if classes == 2 else Categorical(classes), x, y)
    found = fitted(objective)
    if separable(x, y, classes):
        assert_separated(objective, found)
    else:
        assert found.status in ("converged", "rank_deficient"), found


def strictly_separable(x: Tensor, y: Tensor, classes: int) -> bool:
    """Is there a θ with all margins ≥ 1?"""
    m = margin_matrix(x, y, classes)
    return linprog(np.zeros(m.shape[1]), A_ub=-m, b_ub=-np.ones(len(m)), bounds=(None, None)).status == 0


def test_the_small_problems_are_of_every_kind():
    problems = [small_problem(seed) for seed in range(200)]
    weakly, strictly = sum(separable(*p) for p in problems), sum(strictly_separable(*p) for p in problems)
    overlapping, quasi = len(problems) - weakly, weakly - strictly
    assert strictly >= 40 and quasi >= 20 and overlapping >= 40, (strictly, quasi, overlapping)


@pytest.mark.parametrize("seed", range(0, 200, 8))
@pytest.mark.parametrize("steps", [1, 3, 8, 15, 30])
def test_separated_classes_never_count_as_converged(seed, steps):
    """Wherever on the way to infinity the run is cut."""
    x, y, classes = small_problem(seed)
    if separable(x, y, classes):
        objective = GLMObjective(Bernoulli() if classes == 2 else Categorical(classes), x, y)
        for method in (Newton, DiagonalNewton):
            result = run(objective, method, steps)
            for tolerance in (None, 1e-6, 1e-3):
                assert diagnose(objective, result.theta, tolerance).status in ("separated", "budget", "rank_deficient")
