"""Functions and curves in other units of their parameters and of their values: methods go the same way."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lightning_modules.objectives import FunctionObjective, LeastSquares, ModuleObjective, SplitLoss
from lightning_modules.optimizers import DiagonalNewton, GradientDescent, Newton, minimise
from tests.lightning_modules.optimizers.fitting import normal
from tests.lightning_modules.optimizers.units import EXACT, ODD, assert_same_bits, assert_same_way, in_units, units, way

T = torch.linspace(0, 3, 15, dtype=torch.float64)
Y = 2.3 * torch.exp(-1.1 * T) + 0.7 * torch.exp(-0.2 * T) + 0.01 * normal(15)
ROWS, TARGETS = normal(12, 3), normal(12, seed=1)


def rosenbrock(x: Tensor) -> Tensor:
    return torch.stack([10 * (x[1] - x[0] ** 2), 1 - x[0]])


def two_exponentials(x: Tensor) -> Tensor:
    return x[0] * torch.exp(-x[1] * T) + x[2] * torch.exp(-x[3] * T) - Y


def quartic(x: Tensor) -> Tensor:
    return ((x - torch.arange(3.0).to(x)) ** 4).sum() / 4 + (ROWS @ x - TARGETS).square().mean() / 10


def convex(x: Tensor) -> Tensor:
    z = ROWS @ x
    return torch.logsumexp(torch.cat([z + TARGETS, -z]), 0) + 0.01 * x.square().sum()


def poisson(x: Tensor) -> Tensor:
    z = ROWS @ x
    return (z.exp() - TARGETS.abs() * z).mean()


def wells(x: Tensor) -> Tensor:
    """Of negative curvature between its minima."""
    return (x[0] ** 2 - 1) ** 2 / 4 + x[1] ** 2 / 2 + 0.3 * x[0] * x[1] + (x[2] ** 2 - 2) ** 2 / 8 + 0.1 * x[2] * x[1]


PROBLEMS: dict[str, tuple[FunctionObjective | LeastSquares, tuple[float, ...]]] = {
    "Rosenbrock": (FunctionObjective(lambda x: rosenbrock(x).square().sum()), (-1.2, 1.0)),
    "quartic": (FunctionObjective(quartic), (3.0, 1.0, -1.0)),
    "convex": (FunctionObjective(convex), (2.0, -1.0, 1.0)),
    "Poisson": (FunctionObjective(poisson), (0.0, 0.0, 0.0)),
    "wells": (FunctionObjective(wells), (0.1, 0.5, -0.2)),
    "Rosenbrock's residuals": (LeastSquares(rosenbrock), (-1.2, 1.0)),
    "two exponentials": (LeastSquares(two_exponentials), (1.0, 2.0, 1.0, 0.1)),
}
METHODS: dict[str, Callable[[Any], Any]] = {
    "newton_ggn": Newton,
    "newton_hessian": partial(Newton, curvature="hessian"),
    "newton_cg": partial(Newton, curvature="hessian", solver="cg"),
    "diagonal_newton": partial(DiagonalNewton, curvature="hessian"),
}
each_problem = pytest.mark.parametrize("name", PROBLEMS)
each_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())


def test_the_wells_start_where_the_curvature_is_negative() -> None:
    objective, start = PROBLEMS["wells"]
    hessian = objective.at(torch.tensor(start, dtype=torch.float64)).curvature("hessian").matrix()
    assert torch.linalg.eigvalsh(hessian)[0] < -0.1


@each_problem
@each_method
@pytest.mark.parametrize("loss", [1.0, 4.0**20, 4.0**-20])
def test_in_units_that_are_powers_of_two_the_way_is_the_same_to_the_last_bit(
    name: str, method: Callable[[Any], Any], loss: float
) -> None:
    objective, start = PROBLEMS[name][0], torch.tensor(PROBLEMS[name][1], dtype=torch.float64)
    unit = units(len(start), EXACT)
    ours, theirs = way(objective, start, method, 60), way(in_units(objective, unit, loss), unit * start, method, 60)
    assert_same_bits(ours, theirs, unit)
    assert len(ours.iterates) > 4, "it is a way of some length"


@each_problem
@each_method
@pytest.mark.parametrize(("kind", "loss"), [(ODD, 1.0), (ODD, 3e-9), ((1.0,), 1e12), ((1.0,), 1e-12), (ODD[::-1], 7e11)])
def test_in_other_units_the_way_is_the_same(
    name: str, method: Callable[[Any], Any], kind: tuple[float, ...], loss: float
) -> None:
    objective, start = PROBLEMS[name][0], torch.tensor(PROBLEMS[name][1], dtype=torch.float64)
    unit = units(len(start), kind)
    theirs = way(in_units(objective, unit, loss), unit * start, method, 60)
    assert_same_way(way(objective, start, method, 60), theirs, unit)


def test_damping_by_the_unit_matrix_goes_another_way() -> None:
    """Negative control: a fixed damping is in the units of the curvature."""
    objective, start = PROBLEMS["two exponentials"][0], torch.tensor(PROBLEMS["two exponentials"][1], dtype=torch.float64)
    unit, method = units(4, ODD), partial(Newton, damping=0.1)
    ours, theirs = way(objective, start, method, 5), way(in_units(objective, unit), unit * start, method, 5)
    with pytest.raises(AssertionError):
        assert_same_way(ours, theirs, unit)


class Decay(nn.Module):
    """a · exp(−b t) + c, its parameters measured in units."""

    def __init__(self, unit: Tensor) -> None:
        super().__init__()
        self.theta, self.unit = nn.Parameter(torch.zeros(3, dtype=torch.float64)), unit

    def forward(self, t: Tensor) -> Tensor:
        a, b, c = self.theta / self.unit
        return a * torch.exp(-b * t) + c


@pytest.mark.parametrize("kind", [EXACT, ODD], ids=["powers of two", "odd"])
@pytest.mark.parametrize("loss", [1.0, 3e-9, 7e11])
@pytest.mark.parametrize("curvature", ["ggn", "hessian"])
def test_a_module_in_other_units_is_fitted_the_same_way(kind: tuple[float, ...], loss: float, curvature: str) -> None:
    def objective(unit: Tensor, factor: float) -> ModuleObjective:
        split = SplitLoss(lambda module, _: module(T), lambda f, _: factor * torch.cosh(f - Y).log().sum())
        return ModuleObjective(Decay(unit), split, None, len(T))

    unit, start = units(3, kind), torch.tensor([1.0, 0.3, 0.0], dtype=torch.float64)
    method = partial(Newton, curvature=curvature)
    ours = way(objective(torch.ones(3, dtype=torch.float64), 1.0), start, method)
    assert_same_way(ours, way(objective(unit, loss), unit * start, method), unit)
    assert ours.minimum.status == "converged"


@pytest.mark.parametrize("loss", [1e-12, 3e-5, 1e12])
@pytest.mark.parametrize("search", [None, "backtracking"])
def test_gradient_descent_goes_the_same_way_if_its_step_size_is_in_the_unit_of_the_loss(loss: float, search: Any) -> None:
    objective, start = PROBLEMS["quartic"][0], torch.tensor(PROBLEMS["quartic"][1], dtype=torch.float64)
    one = torch.ones(3, dtype=torch.float64)
    ours = way(objective, start, partial(GradientDescent, lr=0.05, search=search), 1000)
    theirs = way(in_units(objective, one, loss), start, partial(GradientDescent, lr=0.05 / loss, search=search), 1000)
    assert_same_way(ours, theirs, one)
    assert ours.minimum.status == "converged"


@pytest.mark.parametrize("unit", [1e-8, 1e8])
def test_a_minimiser_of_zero_is_found_in_any_unit(unit: float) -> None:
    """Where one parameter is 0 and another is not, whatever the unit of either."""
    unit_of = torch.tensor([1.0, unit], dtype=torch.float64)
    bowl = FunctionObjective(lambda x: (x[0] - 3).square() + x[1].square().exp() + (x[1] * x[0]).cosh())
    minimum = minimise(in_units(bowl, unit_of), unit_of * torch.tensor([1.0, 1.0], dtype=torch.float64))
    assert minimum.status == "converged", minimum.message
    assert abs(float(minimum.theta[1])) <= 1e-9 * unit
