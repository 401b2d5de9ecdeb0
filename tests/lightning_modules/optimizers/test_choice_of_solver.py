"""The solver of Newton's method follows the number of parameters; a matrix that does not fit is refused."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import Parameter
from torch.testing import assert_close

from lightning_modules.objectives import Curvature, Objective, Point
from lightning_modules.objectives.families import Bernoulli, Categorical, Gaussian
from lightning_modules.optimizers import Newton
from lightning_modules.solvers import DenseSolver
from tests.lightning_modules.optimizers.fitting import run, well_posed


class ManyParameters(Objective):
    """½ ‖θ − 1‖², whose Hessian must not be formed."""

    is_convex = True

    def value(self, theta: Tensor) -> Tensor:
        return 0.5 * (theta - 1).square().sum()

    def point(self, theta: Tensor) -> Point:
        return UnformedPoint(self, theta)


class UnformedPoint(Point):
    def make_curvature(self, kind: Any) -> Curvature:
        return Unformed(self, kind)


class Unformed(Curvature):
    def matrix(self) -> Tensor:
        raise AssertionError("30000 parameters make a matrix of 6.7 GiB")

    def diagonal(self) -> Tensor:
        return torch.ones_like(self.theta)

    def product(self, v: Tensor) -> Tensor:
        return v


def step_with_many_parameters(**arguments: object) -> tuple[Newton, Parameter]:
    parameter, objective = Parameter(torch.zeros(30_000, dtype=torch.float64)), ManyParameters()
    optimizer = Newton([parameter], **arguments)

    def closure() -> Tensor:
        parameter.grad = parameter.detach() - 1
        return objective.value(parameter.detach())

    for _ in range(2):
        optimizer.step(closure, objective=objective)
    return optimizer, parameter


@pytest.mark.parametrize("curvature", ["hessian", "ggn"])
@pytest.mark.parametrize("damping", ["adaptive", 0.0])
def test_a_matrix_that_does_not_fit_is_refused_before_it_is_formed(curvature, damping):
    with pytest.raises(ValueError, match=rf"dense {curvature} of 30000 parameters takes 6\.7 GiB") as refusal:
        step_with_many_parameters(solver="cholesky", curvature=curvature, damping=damping)
    refusal.match(r"Newton\(solver='cg'\).*DiagonalNewton")


def test_the_matrix_free_solver_takes_what_does_not_fit():
    for solver in ("cg", "auto"):
        optimizer, parameter = step_with_many_parameters(solver=solver, curvature="hessian")
        assert optimizer.status == "converged"
    assert_close(parameter.detach(), torch.ones_like(parameter.detach()))


@pytest.mark.parametrize(
    ("family", "features", "dense"),
    [(Bernoulli(), 127, True), (Bernoulli(), 128, False), (Categorical(3), 50, False), (Gaussian(1), 200, True)],
    ids=["logistic, 128", "logistic, 129", "softmax, 153", "least squares, 201"],
)
def test_the_solver_is_chosen_by_the_number_of_parameters(family, features, dense):
    """And least squares with many are solved in one step still."""
    objective = well_posed(family, rows=400, features=features, l2=0.1)
    chosen = run(objective, Newton, 1)
    assert isinstance(chosen.optimizer.report.solver, DenseSolver) is dense
    assert_close(chosen.theta, run(objective, lambda p: Newton(p, solver="cholesky" if dense else "cg"), 1).theta)
    if isinstance(family, Gaussian):
        assert objective.at(chosen.theta).gradient.abs().max() < 1e-12
