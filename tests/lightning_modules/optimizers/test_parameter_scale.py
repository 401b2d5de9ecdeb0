"""The scale of each parameter, and what stands for it where the loss has not yet bent along one."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from lightning_modules.objectives import FunctionObjective, LeastSquares
from lightning_modules.optimizers import DiagonalNewton, Newton, minimise
from lightning_modules.optimizers.parameter_scale import energy, positive_scale, updated_scale
from tests.lightning_modules.optimizers.classical_problems import PROBLEMS
from tests.lightning_modules.optimizers.units import EXACT, assert_same_bits, in_units, units, way


def vector(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_a_scale_keeps_the_most_that_the_loss_bent() -> None:
    objective = FunctionObjective(lambda x: x.sum())
    first = updated_scale(None, vector(1.0, -4.0, 0.0), objective)
    assert torch.equal(first, vector(1.0, 4.0, 0.0))
    assert torch.equal(updated_scale(first, vector(-2.0, 3.0, 0.0), objective), vector(2.0, 4.0, 0.0))


def test_where_it_is_positive_it_is_left_alone() -> None:
    scale = vector(1e-300, 1.0, 1e300)
    assert torch.equal(positive_scale(scale, vector(0.0, 0.0, 1.0), vector(1.0, 0.0, 0.0)), scale)


SCALE, THETA, GRADIENT = vector(2.0, 0.0, 0.0, 0.0, 0.0), vector(3.0, -2.0, 5.0, 0.0, 0.0), vector(-1.0, 8.0, 0.0, 7.0, 0.0)


def test_a_parameter_without_curvature_is_measured_by_its_length_its_slope_or_the_loss() -> None:
    """u = 2·9 + (1·3 + 8·2) + ½ of 1² = 37.5."""
    found = positive_scale(SCALE, THETA, GRADIENT)
    assert_close(found, vector(2.0, 8 / 2, 37.5 / 25, 49 / 37.5, 1.0))


@pytest.mark.parametrize("loss", [1.0, 2.0**40, 2.0**-40])
def test_its_unit_is_that_of_the_loss_over_that_of_the_parameter_squared(loss: float) -> None:
    unit = units(5, EXACT)
    found = positive_scale(loss * SCALE / unit**2, unit * THETA, loss * GRADIENT / unit)
    assert torch.equal(found[:4], (loss * positive_scale(SCALE, THETA, GRADIENT) / unit**2)[:4])


def test_nothing_known_is_no_failure() -> None:
    zero = torch.zeros(3, dtype=torch.float64)
    assert torch.equal(positive_scale(zero, zero, zero), torch.ones(3, dtype=torch.float64))
    assert torch.equal(positive_scale(zero, zero, vector(2.0, 0.0, 0.0)), vector(4.0, 1.0, 1.0))
    assert energy(zero, zero) == 0


@pytest.mark.parametrize("kind", ["residuals", "function"])
@pytest.mark.parametrize("name", ["Beale", "linear, rank 1 with zeros"])
def test_where_the_start_has_no_curvature_and_no_slope_units_do_not_matter_either(kind: str, name: str) -> None:
    """Beale's first parameter, and the outer ones of the linear function."""
    problem = PROBLEMS[name]
    start = torch.tensor(problem.start, dtype=torch.float64)
    squares = LeastSquares(problem.residuals)
    objective = squares if kind == "residuals" else FunctionObjective(lambda x: problem.residuals(x).square().sum())
    curvature = squares.at(start).curvature("ggn").diagonal()
    assert float(curvature[0]) == 0 and float(squares.at(start).gradient[0]) == 0
    unit = units(len(start), EXACT)
    assert_same_bits(way(objective, start, Newton), way(in_units(objective, unit, 4.0**-20), unit * start, Newton), unit)


def test_a_minimiser_of_zero_in_large_units_is_recognised() -> None:
    """What is left of the step is nothing beside the parameter's own unit, however many of them θ has."""
    bowl = FunctionObjective(
        lambda x: (x[0] - 3) ** 2 + (x[1] ** 2).exp() + 1.2 * (x[0] - 3) * x[1] + 0.3 * x[1] * (x[0] - 3) ** 2
    )
    unit = vector(1.0, 1e8)
    minimum = minimise(in_units(bowl, unit), unit, DiagonalNewton)
    assert minimum.status == "converged", minimum.message
