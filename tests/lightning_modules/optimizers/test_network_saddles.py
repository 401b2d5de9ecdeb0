"""Newton's method on networks, whose Hessian is indefinite: past saddles, never uphill."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lightning_modules.optimizers import CurvatureOptimizer, DiagonalNewton, Newton, SingularCurvatureError, diagnose
from lightning_modules.solvers import DenseSolver
from tests.lightning_modules.objectives.network_cases import draw_case
from tests.lightning_modules.optimizers.network_descent import assert_never_uphill, descend, saddle


@pytest.mark.parametrize("solver", ["cholesky", "cg"])
@pytest.mark.parametrize("curvature", ["hessian", "ggn"])
@pytest.mark.parametrize(("units", "l2"), [(3, 1e-3), (4, 1e-2)])
@pytest.mark.parametrize("seed", range(2))
def test_newton_leaves_a_saddle_and_never_goes_uphill(seed: int, units: int, l2: float, curvature: str, solver: str) -> None:
    objective, theta = saddle(units, l2, seed)
    found = descend(objective, lambda p: Newton(p, curvature=curvature, solver=solver), theta, 60)  # type: ignore[arg-type]
    assert_never_uphill(found)
    assert found.losses[-1] < 0.1 * found.losses[0]


@pytest.mark.parametrize("seed", range(3))
def test_the_hessian_converges_to_a_minimum_with_a_verdict_to_match(seed: int) -> None:
    objective, theta = saddle(3, 1e-3, seed)
    found = descend(objective, lambda p: Newton(p, curvature="hessian"), theta, 100)
    verdict = diagnose(objective, found.theta)
    assert found.optimizer.status == "converged"
    assert verdict.gradient_max <= 1e-10
    smallest = torch.linalg.eigvalsh(objective.at(found.theta).curvature("hessian").matrix())[0]
    # A unit that has died on the way may leave its bias undetermined.
    assert verdict.status == "converged" or (verdict.status == "budget" and abs(smallest) < 1e-12)


def test_newtons_own_step_would_climb_to_the_saddle() -> None:
    """Negative control: without the absolute values the step is refused, and where it is not it returns to the saddle."""
    objective, theta = saddle(3, 1e-3, 0)
    hessian, gradient = objective.at(theta).curvature("hessian").matrix(), objective.at(theta).gradient
    climbing = theta - torch.linalg.lstsq(hessian, gradient[:, None], driver="gelsd").solution[:, 0]
    assert objective.at(climbing).gradient.norm() < 0.1 * gradient.norm()
    nothing = torch.zeros(len(theta), 0, dtype=torch.float64)
    with pytest.raises(SingularCurvatureError):
        DenseSolver(hessian, nothing).solve(gradient, 0.0)
    found = descend(objective, lambda p: Newton(p, curvature="hessian", damping=1e-3, search="backtracking"), theta, 30)
    assert found.losses == sorted(found.losses, reverse=True)
    assert found.losses[-1] < 0.1 * found.losses[0]


@given(
    seed=st.integers(0, 10**6), method=st.sampled_from(["newton", "newton ggn", "newton cg", "diagonal", "diagonal hessian"])
)
@settings(max_examples=40, derandomize=True)
def test_adaptive_damping_never_increases_the_loss_of_a_network(seed: int, method: str) -> None:
    """Whatever its shape, activation and loss."""
    case = draw_case(seed, rows=6)
    makers: dict[str, Callable[[Any], CurvatureOptimizer]] = {
        "newton": lambda p: Newton(p, curvature="hessian"),
        "newton ggn": Newton,
        "newton cg": lambda p: Newton(p, curvature="hessian", solver="cg"),
        "diagonal": DiagonalNewton,
        "diagonal hessian": lambda p: DiagonalNewton(p, curvature="hessian"),
    }
    found = descend(case.objective(), makers[method], case.vector(), 8)
    assert_never_uphill(found)
    assert found.optimizer.status in (None, "converged", "stalled")
    if found.optimizer.status is None:
        assert found.losses[-1] < found.losses[0]
