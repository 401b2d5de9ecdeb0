"""One step of each method against its equation, and what the step says of itself."""

import pytest
import torch
from torch.testing import assert_close

from lightning_modules.objectives.families import Bernoulli
from lightning_modules.optimizers import DiagonalNewton, GradientDescent, Newton
from tests.lightning_modules.optimizers.fitting import FAMILIES, normal, run, well_posed

each_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())


@each_family
@pytest.mark.parametrize("lr", [1.0, 0.1])
@pytest.mark.parametrize("damping", [0.3, 5.0])
@pytest.mark.parametrize("curvature", ["hessian", "ggn"])
def test_newton_step_with_a_fixed_damping(family, lr, damping, curvature):
    """θ − lr (H + μI)⁻¹ g."""
    objective, theta = well_posed(family, l2=0.1), normal(4 * family.num_outputs)
    make = lambda p: Newton(p, lr=lr, damping=damping, curvature=curvature)  # noqa: E731
    damped = objective.at(theta).curvature("hessian").matrix() + damping * torch.eye(len(theta), dtype=torch.float64)
    expected = theta - lr * torch.linalg.solve(damped, objective.at(theta).gradient)
    result = run(objective, make, 1, theta)
    assert_close(result.theta, expected, rtol=1e-10, atol=1e-11)
    assert result.optimizer.report.numbers()["damping"] == damping


@each_family
@pytest.mark.parametrize(("lr", "damping"), [(1.0, 0.0), (0.1, 0.0), (0.5, 2.0)])
@pytest.mark.parametrize("curvature", ["hessian", "ggn"])
def test_diagonal_newton_step_with_a_fixed_damping(family, lr, damping, curvature):
    """θ − lr g / (diag H + μ)."""
    objective, theta = well_posed(family, l2=0.1), normal(4 * family.num_outputs)
    make = lambda p: DiagonalNewton(p, lr=lr, damping=damping, curvature=curvature)  # noqa: E731
    expected = theta - lr * objective.at(theta).gradient / (
        objective.at(theta).curvature("hessian").matrix().diagonal() + damping
    )
    assert_close(run(objective, make, 1, theta).theta, expected, rtol=1e-10, atol=1e-11)


def test_gradient_descent_step():
    objective, theta = well_posed(Bernoulli()), normal(4)
    expected = theta - 0.3 * objective.at(theta).gradient
    assert_close(run(objective, lambda p: GradientDescent(p, lr=0.3), 1, theta).theta, expected)


@each_family
def test_newtons_first_adaptive_step_is_undamped_where_the_model_predicts_well(family):
    objective = well_posed(family)
    adaptive, pure = (run(objective, lambda p, d=d: Newton(p, damping=d), 3) for d in ("adaptive", 0.0))
    for a, b in zip(adaptive.iterates, pure.iterates, strict=False):
        assert_close(a, b, rtol=1e-12, atol=1e-12)


def test_diagnostics_describe_the_last_step():
    objective = well_posed(Bernoulli())
    result = run(objective, lambda p: Newton(p, damping=0.0), 1)
    gradient = objective.at(result.iterates[0]).gradient
    decrement = (
        float(gradient @ torch.linalg.solve(objective.at(result.iterates[0]).curvature("hessian").matrix(), gradient)) ** 0.5
    )
    assert result.optimizer.report.numbers()["newton_decrement"] == pytest.approx(decrement)
    assert result.optimizer.report.numbers()["gradient_max"] == pytest.approx(float(gradient.abs().max()))
    assert result.optimizer.report.numbers()["step_size"] == 1.0
