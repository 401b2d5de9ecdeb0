"""Newton's method on the problems of 1981: the known minima, in few steps, in any unit, with verdicts that say so."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from lightning_modules.objectives import FunctionObjective, LeastSquares
from lightning_modules.optimizers import Minimum, Newton, damped_optimizer, minimise
from lightning_modules.optimizers.parameter_scale import positive_scale
from tests.lightning_modules.optimizers.classical_problems import PROBLEMS, ClassicalProblem
from tests.lightning_modules.optimizers.units import EXACT, ODD, assert_same_bits, in_units, units, way

WAYS: dict[str, tuple[Callable[[ClassicalProblem], FunctionObjective | LeastSquares], Callable[[Any], Any]]] = {
    "ggn": (lambda problem: LeastSquares(problem.residuals), Newton),
    "hessian": (lambda problem: LeastSquares(problem.residuals), partial(Newton, curvature="hessian")),
    "function": (lambda problem: FunctionObjective(lambda x: problem.residuals(x).square().sum()), Newton),
}
# Of their minimisers one is as good as the other, so that none of them is proved.
NOT_UNIQUE = {"linear, rank 1": "stopped", "linear, rank 1 with zeros": "rank_deficient"}
# As a function, not known to be a sum of squares, whose Hessian is singular where it ends.
SINGULAR = {"Powell singular", "extended Powell", "Biggs"}
each_problem = pytest.mark.parametrize("name", PROBLEMS)
# Residuals by their Gauss–Newton matrix in the quick suite.
each_way = pytest.mark.parametrize(
    "how", ["ggn", *(pytest.param(how, marks=pytest.mark.slow) for how in ("hessian", "function"))]
)


def start_of(problem: ClassicalProblem) -> Tensor:
    return torch.tensor(problem.start, dtype=torch.float64)


def sum_of_squares(problem: ClassicalProblem, theta: Tensor) -> float:
    return float(problem.residuals(theta).square().sum())


def is_minimum(problem: ClassicalProblem, theta: Tensor) -> bool:
    """To a millionth of one of those known, or 1e-16 where it is 0."""
    value = sum_of_squares(problem, theta)
    return any(abs(value - least) <= 1e-6 * least if least else value <= 1e-16 for least in problem.minima)


def expected_status(name: str, how: str) -> str:
    return NOT_UNIQUE.get(name, "stopped" if name in SINGULAR and (how == "function" or name != "Biggs") else "converged")


def solved(name: str, how: str) -> Minimum:
    objective, method = WAYS[how][0](PROBLEMS[name]), WAYS[how][1]
    return minimise(objective, start_of(PROBLEMS[name]), method, 500)


@each_problem
@each_way
def test_it_ends_at_a_known_minimum_and_says_so(name: str, how: str) -> None:
    minimum = solved(name, how)
    assert is_minimum(PROBLEMS[name], minimum.theta), (sum_of_squares(PROBLEMS[name], minimum.theta), minimum.message)
    assert minimum.status == expected_status(name, how), minimum.message
    assert minimum.optimizer_status == "converged"
    assert minimum.steps <= (400 if how == "function" or name in SINGULAR else 110)


def test_three_quarters_take_no_more_than_thirty_steps() -> None:
    steps = sorted(solved(name, "ggn").steps for name in PROBLEMS)
    assert steps[3 * len(steps) // 4] <= 30, steps


@each_problem
@each_way
def test_in_units_that_are_powers_of_two_it_is_the_same_way_to_the_last_bit(name: str, how: str) -> None:
    objective, method, start = WAYS[how][0](PROBLEMS[name]), WAYS[how][1], start_of(PROBLEMS[name])
    unit = units(len(start), EXACT)
    ours, theirs = (
        way(each, begin, method, 500)
        for each, begin in ((objective, start), (in_units(objective, unit, 4.0**-20), unit * start))
    )
    assert_same_bits(ours, theirs, unit)


@pytest.mark.slow
@each_problem
@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize(("kind", "loss"), [(ODD, 1.0), (ODD[::-1], 3e9)], ids=["odd", "odd, loss too"])
def test_in_other_units_it_ends_alike(name: str, how: str, kind: tuple[float, ...], loss: float) -> None:
    problem = PROBLEMS[name]
    objective, method, start = WAYS[how][0](problem), WAYS[how][1], start_of(problem)
    unit = units(len(start), kind)
    minimum = minimise(in_units(objective, unit, loss), unit * start, method, 500)
    assert minimum.status == expected_status(name, how), minimum.message
    assert is_minimum(problem, minimum.theta / unit), sum_of_squares(problem, minimum.theta / unit)


@pytest.mark.parametrize(("name", "kind"), [("Powell badly scaled", ODD[::-1]), ("Rosenbrock", ODD)])
def test_one_scale_for_all_parameters_fails_in_other_units(
    name: str, kind: tuple[float, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: D replaced by its mean, which makes it μI, solves neither of them within 500 steps."""

    def mean(scale: Tensor, theta: Tensor, gradient: Tensor, unit: float | None) -> Tensor:
        found = positive_scale(scale, theta, gradient, unit)
        return found.mean().expand_as(found).clone()

    problem, unit = PROBLEMS[name], units(2, kind)
    run = partial(minimise, in_units(LeastSquares(problem.residuals), unit), unit * start_of(problem), Newton, 500)
    assert is_minimum(problem, run().theta / unit)
    monkeypatch.setattr(damped_optimizer, "positive_scale", mean)
    failed = run()
    assert not is_minimum(problem, failed.theta / unit) and failed.status != "converged"


def test_the_residuals_are_those_of_1981() -> None:
    """Sums of squares at the starts, as far as others have published them."""
    known = {"Rosenbrock": 24.2, "Freudenstein and Roth": 400.5, "Beale": 14.203125, "Powell singular": 215.0, "Wood": 19192.0}
    for name, value in known.items():
        assert sum_of_squares(PROBLEMS[name], start_of(PROBLEMS[name])) == pytest.approx(value, rel=1e-12)
