"""One step on a network against its equation."""

from typing import Any

import pytest
import torch
from torch.testing import assert_close

from lightning_modules.objectives import GLMObjective, Point
from lightning_modules.optimizers import DiagonalNewton, Newton
from lightning_modules.optimizers.damping import GROW
from tests.lightning_modules.objectives.network_cases import make_case
from tests.lightning_modules.optimizers.network_descent import descend


@pytest.mark.parametrize("residual", [False, True])
def test_steps_with_a_fixed_damping(residual: bool) -> None:
    """Against the defaults of automatic differentiation, the absolute values of the curvature taken by hand."""
    case = make_case((3, 3, 3, 2), loss="categorical", residual=residual, rows=8, l2=0.1)
    objective, theta = case.objective(), case.vector()
    objective.penalty(theta)  # see `test_network_objective.test_defaults_may_be_asked_for_first`
    hessian, ggn = Point(objective, theta).curvature("hessian").matrix(), Point(objective, theta).curvature("ggn").matrix()
    gradient, eye = Point(objective, theta).gradient, torch.eye(len(theta), dtype=torch.float64)
    root = hessian.diagonal().abs().sqrt()
    eigenvalues, vectors = torch.linalg.eigh(hessian / root[:, None] / root)
    assert eigenvalues[0] < 0
    absolute = (root[:, None] * vectors * eigenvalues.abs()) @ (root[:, None] * vectors).T
    expected = {
        ("newton", "hessian"): torch.linalg.solve(absolute + 0.2 * eye, gradient),
        ("newton", "ggn"): torch.linalg.solve(ggn + 0.2 * eye, gradient),
        ("diagonal", "hessian"): gradient / (hessian.diagonal().abs() + 0.2),
        ("diagonal", "ggn"): gradient / (ggn.diagonal() + 0.2),
    }
    for (method, curvature), step in expected.items():
        optimizer = Newton if method == "newton" else DiagonalNewton
        found = descend(objective, lambda p, o=optimizer, c=curvature: o(p, lr=0.5, damping=0.2, curvature=c), theta, 1)
        assert_close(found.theta, theta - 0.5 * step, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("curvature", ["hessian", "ggn"])
def test_an_undamped_step_solves_a_linear_network_under_least_squares(curvature: Any) -> None:
    case = make_case((3, 2), "identity", loss="gaussian", rows=9)
    found = descend(case.objective(), lambda p: Newton(p, damping=0.0, curvature=curvature), case.vector(), 2)
    assert found.optimizer.status == "converged" and len(found.diagnostics) == 2
    x = torch.cat([case.features, torch.ones(9, 1, dtype=torch.float64)], 1)
    solution = torch.linalg.lstsq(x, case.targets).solution
    assert_close(found.theta, torch.cat([solution[:-1].T.flatten(), solution[-1]]), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("make", [Newton, DiagonalNewton, lambda p: Newton(p, solver="cg")], ids=["newton", "diagonal", "cg"])
def test_the_first_step_of_a_network_is_damped_as_much_as_it_is_curved(make: Any) -> None:
    """And that of a convex loss is not damped at all."""
    case = make_case((3, 4, 2), loss="categorical", rows=8, l2=0.1)
    objective, theta = case.objective(), case.vector()
    network = descend(objective, make, theta, 1)
    assert network.diagnostics[0]["damping"] * GROW ** -network.diagnostics[0]["rejected"] == 1.0
    convex = GLMObjective(case.loss, case.features, case.targets, 0.1)  # type: ignore[arg-type]
    assert descend(convex, make, torch.zeros(8, dtype=torch.float64), 1).diagnostics[0]["damping"] == 0.0
