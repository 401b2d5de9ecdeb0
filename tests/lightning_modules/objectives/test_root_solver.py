"""The root of a linear model's Hessian solves what its matrix solves, in one factorisation."""

from typing import Any

import pytest
import torch

from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import Bernoulli, Categorical, Family
from lightning_modules.objectives.linear.glm_point import GLMPoint
from lightning_modules.solvers import DenseSolver, SingularCurvatureError


def some_point(family: Family, l2: float, features: torch.Tensor | None = None) -> GLMPoint:
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(40, 5, generator=generator, dtype=torch.float64) * 10.0 ** torch.arange(-3, 2)
    y = torch.randint(max(family.num_outputs, 2), (40,), generator=generator)
    objective = GLMObjective(family, x if features is None else features, y, l2)
    return objective.point(0.1 * torch.randn(family.num_outputs * 6, generator=generator, dtype=torch.float64))


@pytest.mark.parametrize("family", [Bernoulli(), Categorical(3)], ids=["two classes", "three classes"])
@pytest.mark.parametrize("l2", [0.0, 1e-3])
@pytest.mark.parametrize("ridge", [0.0, 0.3])
def test_it_solves_what_the_matrix_solves(family: Family, l2: float, ridge: float) -> None:
    point = some_point(family, l2)
    curvature, invariant = point.curvature("hessian"), point.objective.invariant_directions(point.theta)
    solution = curvature.solver("dense").solve(point.gradient, ridge)
    expected = DenseSolver(curvature.matrix(), invariant).solve(point.gradient, ridge)
    # Along directions that change nothing an undamped solution may be any.
    solution, expected = (s - invariant @ (invariant.T @ s) for s in (solution, expected))
    torch.testing.assert_close(solution, expected, rtol=1e-10, atol=1e-13)


def test_the_point_and_its_undamped_step_share_a_factorisation(monkeypatch: pytest.MonkeyPatch) -> None:
    point, taken, factorise = some_point(Bernoulli(), 1e-3), [], torch.linalg.cholesky_ex

    def counting(matrix: torch.Tensor) -> Any:
        taken.append(matrix.shape)
        return factorise(matrix)

    monkeypatch.setattr(torch.linalg, "cholesky_ex", counting)
    assert point.root is not None
    solver = point.curvature("hessian").solver("dense")
    solver.solve(point.gradient, 0.0)
    assert len(taken) == 1
    solver.solve(point.gradient, 0.1)
    assert len(taken) == 2


def test_where_there_is_no_root_the_matrix_says_so() -> None:
    column = torch.arange(40.0, dtype=torch.float64)
    columns = torch.stack([column, 2 * column, column.sin(), column.cos(), column.sqrt()], 1)
    point = some_point(Categorical(3), 0.0, columns)
    with pytest.raises(SingularCurvatureError, match="singular"):
        point.curvature("hessian").solver("dense").solve(point.gradient, 0.0)
