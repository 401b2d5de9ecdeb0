"""Minimising any function of torch, without a trainer, with the verdict of a fit."""

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import least_squares, rosen, rosen_der, rosen_hess
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import scale
from torch import Tensor
from torch.nn.functional import huber_loss, mse_loss, smooth_l1_loss

from lightning_modules import LogisticRegression
from lightning_modules.objectives import FunctionObjective, GLMObjective, LeastSquares, Objective, Point
from lightning_modules.objectives.families import Bernoulli
from lightning_modules.optimizers import DiagonalNewton, GradientDescent, Newton, NonFiniteLossError, diagnose, minimise
from tests.training import make_trainer

T = torch.linspace(0, 4, 40, dtype=torch.float64)
Y = 2.5 * torch.exp(-1.3 * T) + 0.05 * torch.randn(40, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
START = torch.ones(2, dtype=torch.float64)


def residuals(theta: Tensor) -> Tensor:
    return theta[0] * torch.exp(-theta[1] * T) - Y


def rosenbrock(theta: Tensor) -> Tensor:
    return (100 * (theta[1:] - theta[:-1] ** 2) ** 2 + (1 - theta[:-1]) ** 2).sum()


# -- Of functions -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "method",
    [
        Newton,
        partial(Newton, curvature="hessian"),
        partial(Newton, solver="cg"),
        DiagonalNewton,
        partial(GradientDescent, lr=16.0, search="backtracking"),
        partial(torch.optim.LBFGS, line_search_fn="strong_wolfe", tolerance_grad=1e-12, tolerance_change=0),
    ],
    ids=["newton", "hessian", "cg", "diagonal", "gradient descent", "lbfgs"],
)
def test_a_curve_is_fitted_as_scipy_fits_it(method: Any) -> None:
    expected = least_squares(lambda theta: residuals(torch.tensor(theta)).numpy(), START.numpy(), xtol=1e-15, ftol=1e-15)
    minimum = minimise(LeastSquares(residuals), START, method, max_steps=2000)
    np.testing.assert_allclose(minimum.theta.numpy(), expected.x, rtol=1e-6)
    assert minimum.value == pytest.approx(expected.cost / 40, rel=1e-9)
    assert torch.equal(START, torch.ones_like(START)), "the start is left alone"


def test_the_verdict_is_that_of_a_fit() -> None:
    minimum = minimise(LeastSquares(residuals), START)
    assert minimum.status == "converged" and minimum.message.startswith("at the optimum to tolerance 3.7e-11")
    assert minimum.verdict == diagnose(minimum.objective, minimum.theta)
    short = minimise(LeastSquares(residuals), START, max_steps=2)
    assert short.status == "budget" and short.steps == 2
    assert minimise(LeastSquares(residuals), START, max_steps=0).theta.tolist() == [1, 1]


def test_a_linear_model_is_minimised_as_its_trainer_does() -> None:
    x, y = load_breast_cancer(return_X_y=True)
    x, y = torch.from_numpy(scale(x)), torch.from_numpy(y)
    for l2, status in ((0.01, "converged"), (0.0, "separated")):
        minimum = minimise(GLMObjective(Bernoulli(), x, y, l2), torch.zeros(31, dtype=torch.float64))
        model = LogisticRegression(30, l2, optimizer=Newton)
        make_trainer(500).fit(model, torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), 569))
        assert minimum.status == model.convergence().status == status
        if status == "converged":
            weight = torch.cat([p.detach().flatten() for p in model.parameters()])
            torch.testing.assert_close(minimum.theta, weight, rtol=0, atol=1e-9)


@pytest.mark.parametrize("size", [2, 5, 40])
def test_a_function_is_its_own_gauss_newton_matrix_and_is_minimised_past_its_saddles(size: int) -> None:
    theta = torch.linspace(-1.2, 1.0, size, dtype=torch.float64)
    point = FunctionObjective(rosenbrock).at(theta)
    assert float(point.value) == pytest.approx(rosen(theta.numpy()))
    np.testing.assert_allclose(point.gradient.numpy(), rosen_der(theta.numpy()), rtol=1e-10, atol=1e-10)
    for kind in ("hessian", "ggn"):
        np.testing.assert_allclose(point.curvature(kind).matrix().numpy(), rosen_hess(theta.numpy()), rtol=1e-9, atol=1e-9)
    minimum = minimise(FunctionObjective(rosenbrock), theta)
    assert minimum.status == "converged"
    if size == 2:
        torch.testing.assert_close(minimum.theta, torch.ones(2, dtype=torch.float64), rtol=0, atol=1e-9)


# -- Losses of torch that have no derivative of a forward pass ----------------------------------------------------


@pytest.mark.parametrize(
    "loss",
    [
        lambda z, y: mse_loss(z, y) * len(y),
        lambda z, y: huber_loss(z, y, delta=0.1),
        lambda z, y: smooth_l1_loss(z, y, beta=0.1),
    ],
    ids=["mse × n", "huber", "smooth l1"],
)
def test_losses_without_a_forward_derivative_have_curvatures(loss: Any) -> None:
    class Split(Objective):
        def value(self, theta: Tensor) -> Tensor:
            return self.output_loss(self.outputs(theta))

        def outputs(self, theta: Tensor) -> Tensor:
            return (residuals(theta) + Y)[:, None]

        def output_loss(self, outputs: Tensor) -> Tensor:
            return loss(outputs[:, 0], Y)

    theta = torch.tensor([2.0, 1.0], dtype=torch.float64)
    point = Split().at(theta)
    step = 1e-5 * torch.eye(2, dtype=torch.float64)
    slopes = torch.stack([Split().at(theta + s).gradient - Split().at(theta - s).gradient for s in step]) / 2e-5
    torch.testing.assert_close(point.curvature("hessian").matrix(), slopes, rtol=1e-5, atol=1e-6)
    jacobian = torch.stack([torch.exp(-theta[1] * T), -theta[0] * T * torch.exp(-theta[1] * T)], 1)
    second = torch.func.grad(lambda z: torch.func.grad(lambda u: loss(u, Y))(z).sum())(point.curvature("ggn")._model()[0][:, 0])
    expected = jacobian.T @ (second.detach()[:, None] * jacobian)
    torch.testing.assert_close(point.curvature("ggn").matrix(), expected, rtol=1e-10, atol=1e-12)
    assert minimise(FunctionObjective(Split().value), theta).status == "converged"


def test_a_linear_function_has_no_curvature() -> None:
    linear = FunctionObjective(lambda theta: theta.sum()).at(START)
    assert torch.equal(linear.gradient, torch.ones_like(START))
    for curvature in (linear.curvature("hessian"), linear.curvature("ggn")):
        assert not curvature.matrix().any() and not curvature.product(START).any()


def test_columns_together_are_the_products_one_by_one() -> None:
    theta = torch.linspace(-1.2, 1.0, 150, dtype=torch.float64)
    curvature = FunctionObjective(rosenbrock).at(theta).curvature("hessian")
    columns = torch.stack([curvature.product(v) for v in torch.eye(150, dtype=torch.float64)])
    torch.testing.assert_close(curvature.matrix(), columns, rtol=1e-13, atol=1e-13)


# -- One forward pass ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [("value", "gradient"), ("gradient", "value")], ids=str)
def test_value_and_gradient_take_one_evaluation_in_either_order(order: tuple[str, str]) -> None:
    calls = []

    def function(theta: Tensor) -> Tensor:
        calls.append(1)
        return rosenbrock(theta)

    point = Point(FunctionObjective(function), START)
    answers = {name: getattr(point, name) for name in order}
    assert len(calls) == 1
    other = FunctionObjective(rosenbrock).at(START)
    assert torch.equal(answers["value"], other.value) and torch.equal(answers["gradient"], other.gradient)
    assert not answers["value"].requires_grad and not answers["gradient"].requires_grad


def test_a_step_evaluates_the_function_once_and_each_rejected_trial_once_more() -> None:
    calls, rejected = [], []

    def function(theta: Tensor) -> Tensor:
        calls.append(theta.detach().clone())
        return rosenbrock(theta)

    def counting(report: Any) -> bool:
        rejected.append(report.rejected)
        return False

    minimise(FunctionObjective(function), torch.tensor([-1.2, 1.0], dtype=torch.float64), max_steps=8, is_enough=counting)
    curvatures = 8  # an evaluation whose derivatives are differentiated once more
    assert len(calls) == 8 + sum(rejected) + 1 + curvatures


# -- Refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", [torch.zeros(2, 2), torch.tensor(1.0), torch.tensor([1, 2])], ids=["matrix", "number", "int"])
def test_a_start_that_is_no_vector_of_real_numbers_is_refused(start: Tensor) -> None:
    with pytest.raises(ValueError, match="give a vector of real numbers"):
        minimise(FunctionObjective(rosenbrock), start)


def test_other_refusals_say_what_to_do() -> None:
    with pytest.raises(ValueError, match=r"for residuals .* use LeastSquares"):
        minimise(FunctionObjective(residuals), START)
    with pytest.raises(ValueError, match="use FunctionObjective"):
        minimise(LeastSquares(rosenbrock), START)
    with pytest.raises(ValueError, match="max_steps=-1"):
        minimise(LeastSquares(residuals), START, max_steps=-1)
    with pytest.raises(NonFiniteLossError, match="choose another start"):
        minimise(FunctionObjective(lambda theta: theta.log().sum()), -START)


def test_it_works_in_inference_mode_and_leaves_no_gradient() -> None:
    with torch.inference_mode():
        minimum = minimise(LeastSquares(residuals), START)
    assert minimum.status == "converged" and not minimum.theta.requires_grad


def test_single_precision_stays_single() -> None:
    minimum = minimise(LeastSquares(lambda theta: residuals(theta.double()).float()), START.float())
    assert minimum.theta.dtype == torch.float32 and minimum.status == "converged"
