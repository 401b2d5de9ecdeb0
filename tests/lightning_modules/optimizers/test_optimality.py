"""When a point is called a minimiser: to a tolerance in the loss's own unit, and where there is nothing to minimise."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from lightning_modules.networks import DenseNetwork
from lightning_modules.objectives import FunctionObjective, GLMObjective, LeastSquares, NetworkObjective
from lightning_modules.objectives.families import Bernoulli, Categorical, Gaussian
from lightning_modules.optimizers import DiagonalNewton, GradientDescent, Newton, diagnose, minimise
from lightning_modules.optimizers.optimality import default_tolerance, is_lowest, is_stationary, loss_unit, sizes
from tests.lightning_modules.optimizers.fitting import normal

METHODS: dict[str, Callable[[Any], Any]] = {
    "newton": Newton,
    "newton_cg": partial(Newton, solver="cg"),
    "diagonal_newton": DiagonalNewton,
    "gradient_descent": partial(GradientDescent, lr=0.2, search="backtracking"),
}
each_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())
each_type = pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
X, NOISE = normal(50, 3, seed=1), normal(50, seed=2)
TRUTH = torch.tensor([1.0, -2.0, 0.5, 0.3], dtype=torch.float64)


def regression(y: Tensor, x: Tensor = X) -> GLMObjective:
    return GLMObjective(Gaussian(1), x, y[:, None])


def vector(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


# -- the conditions ----------------------------------------------------------------------------------------------------


def test_the_default_tolerance_is_two_thirds_of_the_digits() -> None:
    assert default_tolerance(torch.float64) == pytest.approx(3.67e-11, rel=1e-2)
    assert default_tolerance(torch.float32) == pytest.approx(2.42e-5, rel=1e-2)


def test_the_unit_of_a_loss_is_its_own_where_it_is_known() -> None:
    scale, theta = vector(2.0, 3.0), vector(1.0, -1.0)
    labels = (NOISE > 0).long()
    assert loss_unit(GLMObjective(Bernoulli(), X, labels), scale, theta, 1e-10) == 1.0
    targets = regression(3e7 + 1e-3 * NOISE)
    assert loss_unit(targets, scale, 0 * theta, 1e-10) == pytest.approx(0.5e-6 * float(NOISE.var(correction=0)), rel=1e-6)


def test_the_unit_of_a_function_is_what_bends_on_the_way_to_zero() -> None:
    function, scale, theta = FunctionObjective(lambda x: x.sum()), vector(2.0, 3.0), vector(1.0, -2.0)
    assert loss_unit(function, scale, theta, 1e-10) == 14.0


def test_a_parameter_that_goes_to_zero_is_measured_by_where_it_has_been() -> None:
    """And one that only comes from far away is not."""
    bowl = FunctionObjective(lambda x: x[0] ** 2 + (x[1] - 1) ** 2)
    point = bowl.point(vector(1e-5, 1.0 + 1e-5))
    assert sizes(point, vector(3.0, 1e8)).tolist() == [3.0, 1.0 + 1e-5]
    assert sizes(point, None).tolist() == point.theta.abs().tolist()


@pytest.mark.parametrize("start", [1e6, 1e12])
@pytest.mark.parametrize("method", [Newton, DiagonalNewton, partial(GradientDescent, lr=0.1)], ids=["newton", "diagonal", "gd"])
def test_a_far_start_does_not_make_everything_small(start: float, method: Any) -> None:
    booth = FunctionObjective(lambda x: (x[0] + 2 * x[1] - 7) ** 2 + (2 * x[0] + x[1] - 5) ** 2)
    minimum = minimise(booth, vector(start, -start), method)
    assert minimum.status == "converged"
    torch.testing.assert_close(minimum.theta, vector(1.0, 3.0), rtol=1e-8, atol=0)


@pytest.mark.parametrize(
    ("function", "start", "minimum"),
    [
        (lambda x: (-torch.log(x) - torch.log(1 - x)).sum(), 1 - 1e-12, 0.5),
        (lambda x: (x**2 - torch.log(100 - x)).sum(), 100 - 1e-9, -0.00499975),
    ],
    ids=["two logarithms", "a square and a logarithm"],
)
def test_beside_a_barrier_nothing_is_called_a_minimum(function: Any, start: float, minimum: float) -> None:
    found = minimise(FunctionObjective(function), vector(start))
    assert found.status == "converged"
    torch.testing.assert_close(found.theta, vector(minimum), rtol=1e-5, atol=0)


@pytest.mark.parametrize("function", [lambda x: x[0] ** 3, lambda x: torch.tanh(x[0] ** 3)])
def test_an_inflection_is_no_minimum(function: Any) -> None:
    assert minimise(FunctionObjective(function), vector(2.5)).status != "converged"


def test_a_saddle_is_called_one() -> None:
    found = minimise(FunctionObjective(lambda x: x[0] * x[1]), vector(0.0, 0.0))
    assert found.status == "stopped" and "bends down along a direction" in found.message


def test_rounding_is_never_asked_to_be_less_than_it_is() -> None:
    """Of constant targets the unit is 0, and the gradient of the best constant is not."""
    scale, theta = vector(1.0, 1.0, 1.0, 1.0), vector(0.0, 0.0, 0.0, 3e5)
    unit = loss_unit(regression(torch.full_like(NOISE, 3e5)), scale, theta, 1e-10)
    assert unit == pytest.approx((64 * 2.0**-52 / 1e-10 * 3e5) ** 2)
    assert loss_unit(regression(torch.zeros_like(NOISE)), scale, theta, 0.0) == 0.0


def test_a_gradient_is_small_in_the_scale_of_each_parameter() -> None:
    scale, unit, tolerance = vector(4.0, 1e-16, 1e16), 9.0, 1e-3
    bound = tolerance * (unit * scale).sqrt()
    assert is_stationary(bound * 0.999, scale, unit, tolerance)
    for j in range(3):
        over = bound * 0.999
        over[j] *= -1.01
        assert not is_stationary(over, scale, unit, tolerance)
    assert not is_stationary(vector(0.0, 0.0, float("nan")), scale, unit, tolerance)
    assert is_stationary(vector(0.0, 0.0, 0.0), scale, 0.0, 0.0)


def test_a_sum_of_squares_that_is_rounding_is_the_lowest_there_is() -> None:
    residuals = LeastSquares(lambda x: x - 1)
    assert is_lowest(residuals.at(vector(1.0, 1.0)), 1.0)
    assert is_lowest(residuals.at(vector(1.0 + 2e-16, 1.0)), 1.0)
    assert not is_lowest(residuals.at(vector(1.0 + 1e-14, 1.0)), 1.0)
    assert is_lowest(residuals.at(vector(1.0 + 1e-14, 1.0)), 1e6), "in the unit of the loss"
    assert not is_lowest(FunctionObjective(lambda x: (x - 1).square().sum()).at(vector(1.0, 1.0)), 1.0), (
        "not known to be squares"
    )


# -- losses without a minimum ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_a_loss_that_flattens_out_towards_infinity_is_not_called_converged(name: str, unit: float) -> None:
    """e^(−2θ) as a function, and as the sum of squares of e^(−θ): gradient and curvature vanish, and the step does not."""
    method = METHODS[name]
    for objective in (
        FunctionObjective(lambda x: (-2 * x / unit).exp().sum()),
        LeastSquares(lambda x: (-x / unit).exp()),
    ):
        # The step size of gradient descent is in the units of parameters.
        asked = partial(method, lr=0.2 * unit**2) if name == "gradient_descent" else method
        for steps in (5, 40, 200):
            minimum = minimise(objective, vector(unit), asked, steps)
            assert minimum.status != "converged", minimum.message
            assert diagnose(objective, minimum.theta).status != "converged"


# -- ends that are exact -----------------------------------------------------------------------------------------------


@each_type
@each_method
def test_a_start_at_the_optimum_is_converged_at_once_or_after_a_step(method: Callable[[Any], Any], dtype: torch.dtype) -> None:
    objective = regression(X @ TRUTH[:3] + 0.3 + NOISE)
    optimum = minimise(objective, torch.zeros(4, dtype=torch.float64)).theta
    again = minimise(objective, optimum.to(dtype), method)
    assert again.status == "converged" and again.steps <= 2, again.message


@each_type
@each_method
def test_a_minimiser_that_is_zero_exactly_is_found(method: Callable[[Any], Any], dtype: torch.dtype) -> None:
    function = FunctionObjective(lambda x: x.square().sum() + (x[0] - x[1]).square() + x.pow(4).sum())
    for start in (torch.zeros(2, dtype=dtype), torch.ones(2, dtype=dtype)):
        minimum = minimise(function, start, method)
        assert minimum.status == "converged", minimum.message
        assert minimum.theta.abs().max() <= 10 * default_tolerance(dtype)


@each_type
@each_method
@pytest.mark.parametrize("constant", [0.0, 1.0, 1e-9, 1e9])
def test_constant_targets_are_fitted_by_the_constant(method: Callable[[Any], Any], constant: float, dtype: torch.dtype) -> None:
    centred = X - X.mean(0)
    objective = regression(torch.full_like(NOISE, constant), centred)
    minimum = minimise(objective, torch.zeros(4, dtype=dtype), method)
    assert minimum.status == "converged", minimum.message
    expected = torch.tensor([0.0, 0.0, 0.0, constant], dtype=dtype)
    assert (minimum.theta - expected).abs().max() <= 100 * default_tolerance(dtype) * constant


@each_type
@each_method
@pytest.mark.parametrize("target", [1.0, 1e-9, 1e9])
def test_a_perfect_fit_is_converged(method: Callable[[Any], Any], target: float, dtype: torch.dtype) -> None:
    """Its residuals are nothing but rounding."""
    objective = regression(target * (X @ TRUTH[:3] + 0.3))
    minimum = minimise(objective, torch.zeros(4, dtype=dtype), method)
    assert minimum.status == "converged", minimum.message
    assert (minimum.theta / target - TRUTH).abs().max() <= 100 * default_tolerance(dtype)


@each_type
@pytest.mark.parametrize("method", [Newton, DiagonalNewton], ids=["newton", "diagonal_newton"])
def test_a_single_row_is_converged_with_an_intercept_alone_and_undetermined_with_more(
    method: Callable[[Any], Any], dtype: torch.dtype
) -> None:
    alone = GLMObjective(Gaussian(1), torch.zeros(1, 0, dtype=torch.float64), vector(7.0)[:, None])
    minimum = minimise(alone, torch.zeros(1, dtype=dtype), method)
    assert minimum.status == "converged" and float(minimum.theta) == pytest.approx(7.0, rel=1e-4), minimum.message
    more = minimise(regression(vector(7.0), X[:1]), torch.zeros(4, dtype=dtype), method)
    assert more.status == "rank_deficient", more.message


def test_what_rounding_adds_to_the_unit_of_a_loss_makes_no_loss_the_lowest() -> None:
    """Of huge features θᵀDθ is huger than any loss."""
    network = DenseNetwork([3, 2, 2], "relu")
    objective = NetworkObjective(network, Categorical(2), 1e16 * X, torch.arange(50) % 2)
    point = objective.at(1e19 * normal(objective.num_parameters, seed=3))
    unit = loss_unit(objective, torch.full_like(point.theta, 1e70), point.theta, 1e-11)
    assert point.value > 1e10 and torch.finfo(torch.float64).eps ** 2 * unit > point.value, "it would be called the lowest"
    assert not is_lowest(point, unit)
