"""Poisson's equation by a network: the residuals are those of the equation, and the program says how near it came."""

import math
from pathlib import Path

import pytest
import show_poisson_equation
import torch
from command_line.one_line_errors import run
from evidence.systems.poisson_equation import (
    PoissonEquation,
    by_newton,
    relative_error,
    residual,
    solution,
    value_and_laplacian,
)

from lightning_modules.objectives import undivided


def test_the_laplacian_is_that_of_automatic_differentiation() -> None:
    problem = PoissonEquation(width=7, interior=8, boundary=4)
    x = torch.tensor([0.3, 0.8], dtype=torch.float64)
    hessian = torch.func.hessian(lambda x: value_and_laplacian(problem.start, x)[0])(x)
    torch.testing.assert_close(value_and_laplacian(problem.start, x)[1], hessian.trace(), rtol=1e-12, atol=0)
    curved = torch.func.hessian(solution)(x).trace()
    torch.testing.assert_close(-curved, 2 * math.pi**2 * solution(x), rtol=1e-12, atol=0)


def test_points_lie_within_and_on_all_sides() -> None:
    problem = PoissonEquation(width=3, interior=20, boundary=8)
    assert isinstance(problem.objective.rows, tuple)
    x, is_within = problem.objective.rows
    assert int(is_within.sum()) == 20
    edge = x[~is_within]
    sides = {(column, float(value)) for row in edge for column, value in enumerate(row) if float(value) in (0.0, 1.0)}
    assert sides == {(0, 0.0), (0, 1.0), (1, 0.0), (1, 1.0)}
    torch.testing.assert_close(solution(edge), torch.zeros(8, dtype=torch.float64), rtol=0, atol=1e-15)
    inside = residual(problem.start, (x[0], is_within[0])) - value_and_laplacian(problem.start, x[0])[1]
    torch.testing.assert_close(inside, 2 * math.pi**2 * solution(x[0]))


def test_newton_reduces_the_error_a_thousandfold() -> None:
    problem = PoissonEquation(width=24, interior=120, boundary=40)
    with undivided():
        last = by_newton(problem, seconds=2.0)[-1]
    assert relative_error(last.theta) < 1e-3 * relative_error(problem.start)


@pytest.mark.slow
def test_seven_digits_in_a_minute() -> None:
    problem = PoissonEquation()
    with undivided():
        last = by_newton(problem, seconds=60.0)[-1]
    assert relative_error(last.theta) < 1e-7


def test_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(show_poisson_equation.main, ["--seconds=0.3", "--width=6", "--points=20", "--output=a/poisson.png"]) == 0
    size, newton, lbfgs, path = capsys.readouterr().out.splitlines()
    assert size == "25 parameters, 20 points within and 5 at the boundary"
    assert newton.startswith("Newton's method: relative error ")
    assert lbfgs.startswith("L-BFGS: relative error ")
    assert (tmp_path / path).read_bytes().startswith(b"\x89PNG")


def test_wrong_options_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(show_poisson_equation.main, ["--seconds=0"]) != 0
    error = capsys.readouterr().err
    assert error.startswith("error: --width=64 --points=400 --seconds=0.0: give at least 1 unit, 4 points, and some time")
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())
