"""What is said of a user's function, in whatever units its parameters are: no accusation that is not true, and each that is."""

import pytest
import torch
from torch import Tensor

from lightning_modules.objectives import FunctionObjective
from lightning_modules.optimizers import minimise
from tests.lightning_modules.optimizers.units import in_units


def vector(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize("unit", [(3e-8, 0.7), (1e-8, 1e-8), (1e8, 1e-8)])
@pytest.mark.parametrize("steps", [0, 3])
def test_a_function_in_other_units_is_not_accused_of_wrong_derivatives(unit: tuple[float, float], steps: int) -> None:
    rosenbrock = FunctionObjective(lambda x: 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2)
    minimum = minimise(in_units(rosenbrock, vector(*unit)), vector(*unit) * vector(-1.2, 1.0), max_steps=steps)
    assert minimum.status == "budget" and "derivative" not in minimum.message and "gradient is not" not in minimum.message


class _Detached(FunctionObjective):
    """Hides a part of itself from torch."""

    def __init__(self, unit: Tensor) -> None:
        super().__init__(lambda x: ((x / unit - 3) ** 2).sum() + 5 * (x / unit).detach().prod())


@pytest.mark.parametrize("unit", [(1.0, 1.0), (3e-8, 0.7), (1e-8, 1e8)])
def test_a_part_that_is_hidden_is_seen_in_any_unit(unit: tuple[float, float]) -> None:
    """Negative control."""
    minimum = minimise(_Detached(vector(*unit)), vector(*unit) * vector(-1.2, 1.0), max_steps=0)
    assert "the gradient is not that of the values" in minimum.message


@pytest.mark.parametrize("unit", [1.0, 1e8, 1e-8])
def test_a_parameter_at_its_minimum_is_not_called_without_effect(unit: float) -> None:
    """Its slope there is 0, and a tenth of a large unit does not show in the value; but it bends the loss."""
    function = FunctionObjective(lambda x: (x[0] - 3) ** 4 + x[1].cosh())
    minimum = minimise(in_units(function, vector(1.0, unit)), vector(10.0, 0.0), max_steps=2)
    assert minimum.status == "budget", minimum.message


@pytest.mark.parametrize("unit", [1.0, 1e8, 1e-8])
def test_a_parameter_without_effect_is_named(unit: float) -> None:
    """Negative control."""
    function = FunctionObjective(lambda x: (x[0] - 3) ** 4 + 0 * x[1])
    minimum = minimise(in_units(function, vector(1.0, unit)), vector(10.0, unit), max_steps=2)
    assert minimum.status == "rank_deficient" and minimum.verdict.columns == (1,), minimum.message


@pytest.mark.parametrize("unit", [1.0, 2.0**27, 2.0**-27])
def test_a_slope_that_is_far_away_is_no_hidden_one(unit: float) -> None:
    """A cube at the start, a straight line far out: in small units a ten-thousandth of one is far out."""

    def cube(x: Tensor) -> Tensor:
        u = x[1] - 1
        return (x[0] - 3) ** 4 + u**3 / (1 + u**2) + 0.01 * (1 + u**2).sqrt()

    minimum = minimise(in_units(FunctionObjective(cube), vector(1.0, unit)), vector(10.0, unit), max_steps=2)
    assert minimum.status == "budget", minimum.message


@pytest.mark.parametrize("unit", [1.0, 2.0**27, 2.0**-27])
def test_a_hidden_slope_is_found_at_the_start(unit: float) -> None:
    """Negative control."""
    function = FunctionObjective(lambda x: (x[0] - 3) ** 4 + 2 * x[1].detach())
    with pytest.raises(ValueError, match=r"the value changes with theta\[1\]"):
        minimise(in_units(function, vector(1.0, unit)), vector(10.0, unit))
