"""An objective of which only `value` is written, against formulas by hand."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from lightning_modules.objectives import Objective
from tests.lightning_modules.objectives.queries import first_order


class Rosenbrock(Objective):
    """(1 − a)² + 100 (b − a²)² of θ = (a, b)."""

    def value(self, theta: Tensor) -> Tensor:
        a, b = theta
        return (1 - a) ** 2 + 100 * (b - a**2) ** 2


def rosenbrock_gradient(theta: Tensor) -> Tensor:
    a, b = theta.tolist()
    return theta.new_tensor([-2 * (1 - a) - 400 * a * (b - a**2), 200 * (b - a**2)])


def rosenbrock_hessian(theta: Tensor) -> Tensor:
    a, b = theta.tolist()
    return theta.new_tensor([[2 - 400 * (b - 3 * a**2), -400 * a], [-400 * a, 200]])


@pytest.mark.parametrize("point", [(1.0, 1.0), (-1.2, 1.0), (0.0, 0.0), (0.3, -2.0)], ids=str)
def test_everything_follows_from_value(point):
    objective, theta = Rosenbrock(), torch.tensor(point, dtype=torch.float64)
    gradient, hessian = rosenbrock_gradient(theta), rosenbrock_hessian(theta)
    value, same_gradient = first_order(objective.at(theta))
    v = torch.tensor([0.7, -1.1], dtype=torch.float64)
    assert_close(value, objective.value(theta))
    assert_close(objective.at(theta).gradient, gradient)
    assert_close(same_gradient, gradient)
    assert_close(objective.at(theta).curvature("hessian").matrix(), hessian)
    assert_close(objective.at(theta).curvature("hessian").diagonal(), hessian.diagonal())
    assert_close(objective.at(theta).curvature("hessian").product(v), hessian @ v)


def test_nothing_is_degenerate_by_default():
    objective, theta = Rosenbrock(), torch.zeros(2, dtype=torch.float64)
    assert objective.degeneracy(theta, theta) is None
    assert objective.invariant_directions(theta).shape == (2, 0)
    assert objective.attains_minimum(theta, 0.0, torch.eye(2, dtype=torch.float64))
    assert not objective.attains_minimum(theta, 0.0, None)


@pytest.mark.parametrize("columns_at_a_time", [1, 3, 64])
def test_hessian_does_not_depend_on_how_many_columns_are_formed_at_a_time(columns_at_a_time):
    class Quartic(Objective):
        def value(self, theta: Tensor) -> Tensor:
            return (theta**4).sum() + theta.prod()

    theta = torch.linspace(-1, 2, 10, dtype=torch.float64)
    objective = Quartic()
    objective.columns_at_a_time = columns_at_a_time
    without_two = theta.prod() / (theta[:, None] * theta)  # ∂²∏θ/∂θ_i∂θ_j for i ≠ j
    expected = without_two - without_two.diagonal().diag() + (12 * theta**2).diag()
    assert_close(objective.at(theta).curvature("hessian").matrix(), expected)


def test_gauss_newton_methods_need_the_split():
    objective, theta = Rosenbrock(), torch.zeros(2, dtype=torch.float64)
    calls = (
        lambda: objective.at(theta).curvature("ggn").matrix(),
        lambda: objective.at(theta).curvature("ggn").diagonal(),
        lambda: objective.at(theta).curvature("ggn").product(theta),
        lambda: objective.output_loss(theta),
    )
    for call in calls:
        with pytest.raises(NotImplementedError, match="Rosenbrock is not split into model and loss"):
            call()


class ExponentialDecay(Objective):
    """1/n Σ ½ (a e^(−b t_i) − y_i)² + b², a curved model: its Hessian is not its Gauss–Newton matrix."""

    times = torch.linspace(0, 2, 7, dtype=torch.float64)
    targets = torch.tensor([2.0, 1.5, 1.2, 0.8, 0.7, 0.3, 0.4], dtype=torch.float64)

    def value(self, theta: Tensor) -> Tensor:
        return self.output_loss(self.outputs(theta)) + self.penalty(theta)

    def outputs(self, theta: Tensor) -> Tensor:
        return (theta[0] * torch.exp(-theta[1] * self.times))[:, None]

    def output_loss(self, outputs: Tensor) -> Tensor:
        return 0.5 * (outputs[:, 0] - self.targets).square().mean()

    def penalty(self, theta: Tensor) -> Tensor:
        return theta[1] ** 2


@pytest.mark.parametrize("point", [(1.0, 0.5), (3.0, -0.4)], ids=str)
def test_gauss_newton_matrix_of_a_curved_model(point):
    """JᵀJ / n + ∇²r with J_i = (e^(−b t_i), −a t_i e^(−b t_i)); the Hessian adds the residuals times the model's curvature."""
    objective, theta = ExponentialDecay(), torch.tensor(point, dtype=torch.float64)
    (a, b), t = point, objective.times
    decay = torch.exp(-b * t)
    jacobian = torch.stack([decay, -a * t * decay], 1)
    ggn = jacobian.T @ jacobian / 7 + torch.tensor([0.0, 2.0], dtype=torch.float64).diag()
    residual = a * decay - objective.targets
    mixed, pure = (residual * -t * decay).mean(), (residual * a * t**2 * decay).mean()
    hessian = ggn + torch.stack([torch.stack([0 * mixed, mixed]), torch.stack([mixed, pure])])
    v = torch.tensor([0.2, 1.3], dtype=torch.float64)
    assert_close(objective.at(theta).curvature("ggn").matrix(), ggn)
    assert_close(objective.at(theta).curvature("ggn").diagonal(), ggn.diagonal())
    assert_close(objective.at(theta).curvature("ggn").product(v), ggn @ v)
    assert_close(objective.at(theta).curvature("hessian").matrix(), hessian)
    assert not torch.allclose(ggn, hessian)
