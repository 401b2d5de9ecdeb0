"""Nonlinear regressions against NIST's certified parameters, from both starts of each: `minimise` at its defaults."""

from functools import partial
from itertools import product
from typing import Any

import pytest
from evidence.benchmarks.nist_problems import MODELS, nist_problem

from lightning_modules.objectives import LeastSquares
from lightning_modules.optimizers import Newton, minimise
from tests.nist import FOLDER, needs_nist

pytestmark = needs_nist
# The harder starts by the default curvature are looked at each time.
RUNS = [
    pytest.param(*run, id="-".join(map(str, run)), marks=() if run[1:] == (0, "ggn") else pytest.mark.slow)
    for run in product(MODELS, (0, 1), ("ggn", "hessian"))
]


@pytest.mark.parametrize(("name", "start", "curvature"), RUNS)
def test_certified_parameters(name: str, start: int, curvature: Any) -> None:
    """Six digits of the worst parameter, and the verdict says so."""
    problem = nist_problem(FOLDER.parent, name)
    minimum = minimise(LeastSquares(problem.residuals), problem.starts[start], partial(Newton, curvature=curvature), 500)
    digits = problem.digits(minimum.theta)
    print(f"{name:9} start {start + 1} {curvature:7} {digits:5.1f} digits, {minimum.steps} steps")
    assert digits >= 6, (digits, minimum.message)
    assert minimum.status == "converged", minimum.message
    sum_of_squares = 2 * minimum.value * len(problem.y)
    assert sum_of_squares <= problem.sum_of_squares * (1 + 1e-9) + 1e-20


@pytest.mark.parametrize("name", ["Misra1a", "Hahn1", "Lanczos1"])
def test_a_start_has_no_digits(name: str) -> None:
    """The negative control: what is measured is not there already."""
    problem = nist_problem(FOLDER.parent, name)
    assert all(problem.digits(start) < 2 for start in problem.starts)
    assert problem.digits(problem.certified) == 11.0
