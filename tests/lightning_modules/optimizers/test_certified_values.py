"""Least squares and their standard errors against NIST's certified values, by the default method from 0, nothing scaled."""

import math
from functools import partial

import pytest
import torch

from lightning_modules.linear.coefficients import coefficients
from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import Gaussian
from lightning_modules.optimizers import Newton
from lightning_modules.optimizers.descent import Method
from lightning_modules.optimizers.minimise import Minimum, minimise
from tests.nist import Problem, digits, needs_nist, problem

pytestmark = needs_nist
# Digits that coefficients and standard errors have at least. Filip's are what x, …, x¹⁰, rounded to float64, leave.
PROBLEMS = {
    "Norris": (12, 13),
    "Pontius": (11, 12),
    "Longley": (13, 12),
    "Wampler1": (14, 14),
    "Wampler2": (13, 14),
    "Wampler3": (14, 13),
    "Wampler4": (14, 13),
    "Wampler5": (14, 13),
    "Filip": (7, 7),
}


def fitted(given: Problem, unit: float = 1.0, method: Method = Newton) -> Minimum:
    objective = GLMObjective(Gaussian(1), given.features, given.targets * unit)
    return minimise(objective, torch.zeros(objective.num_features + 1, dtype=torch.float64), method)


@pytest.mark.parametrize("name", PROBLEMS)
def test_certified_digits(name: str):
    given = problem(name)
    minimum = fitted(given)
    objective, theta = minimum.objective, minimum.theta
    table = coefficients(objective, theta, [f"x{j}" for j in range(objective.num_features)])
    errors = [row.standard_error for row in table]
    found = digits(theta.tolist(), given.coefficients), digits(errors, given.deviations)
    print(f"{name:9} {found[0]:5.1f} digits of coefficients, {found[1]:5.1f} of standard errors, {minimum.steps} steps")
    assert all(a >= b for a, b in zip(found, PROBLEMS[name], strict=True)), (name, found)
    assert minimum.status == "converged", minimum.message
    assert math.isfinite(objective.at(theta).distance.norm)


def test_normal_equations_would_lose_filip():
    """The negative control: what R from the rows is for."""
    given = problem("Filip")
    x = torch.cat([given.features, torch.ones(82, 1, dtype=torch.float64)], 1)
    scale = 1 / x.norm(dim=0)
    gram = scale[:, None] * (x.T @ x) * scale
    theta = scale * torch.linalg.solve(gram, scale * (x.T @ given.targets))
    assert digits(theta.tolist(), given.coefficients) < 3


def test_filip_says_how_many_digits_its_numbers_carry():
    minimum = fitted(problem("Filip"))
    remark = minimum.objective.remark(minimum.theta)
    assert remark == "the scaled columns have condition number 5e+09: coefficients carry about 5 digits"
    assert fitted(problem("Norris")).objective.remark(torch.zeros(2, dtype=torch.float64)) == ""


@pytest.mark.parametrize("unit", [1e-12, 1e12])
@pytest.mark.parametrize("name", ["Longley", "Filip"])
def test_the_unit_of_the_target_does_not_count(name: str, unit: float):
    given = problem(name)
    minimum = fitted(given, unit, partial(Newton, tolerance=0.0))
    assert digits((minimum.theta / unit).tolist(), given.coefficients) >= min(PROBLEMS[name][0], 10)
    assert math.isfinite(minimum.objective.at(minimum.theta).distance.norm)
