"""Mini-batches without curvature and settings that make no sense are refused; one without a gradient is not."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import Parameter

from lightning_modules.networks import DenseNetwork
from lightning_modules.objectives import GLMObjective, NetworkObjective
from lightning_modules.objectives.families import AbsoluteError, Gaussian
from lightning_modules.optimizers import DiagonalNewton, Newton, SingularCurvatureError
from tests.lightning_modules.optimizers.quadratic_samples import SIZE, Quadratic, start, steps_of


def network_under_the_absolute_error() -> tuple[Parameter, NetworkObjective]:
    network = DenseNetwork((2, 3, 1), "tanh")
    objective = NetworkObjective(network, AbsoluteError(1), torch.randn(6, 2).double(), torch.randn(6, 1).double())
    objective.is_sample = True
    return Parameter(torch.randn(13, dtype=torch.float64)), objective


def test_no_curvature_at_all_is_refused_in_one_line() -> None:
    parameter, objective = network_under_the_absolute_error()

    def closure() -> Tensor:
        point = objective.at(parameter)
        parameter.grad = point.gradient.clone()
        return point.value

    with pytest.raises(SingularCurvatureError, match=r"curvature is 0 in every direction.*GradientDescent") as refusal:
        DiagonalNewton([parameter]).step(closure, objective=objective)
    assert "\n" not in str(refusal.value)


def test_curvature_in_one_entry_is_enough() -> None:
    """Negative control: entries of no curvature are damped, not refused."""
    sample, parameter = Quadratic(torch.zeros(SIZE, SIZE).double(), torch.ones(SIZE).double()), start()
    sample.matrix[0, 0] = 1.0
    (theta,) = steps_of(DiagonalNewton([parameter]), parameter, [sample])
    assert torch.isfinite(theta).all()


@pytest.mark.parametrize(
    ("setting", "cause", "remedy"),
    [
        *[
            ({"momentum": value}, rf"DiagonalNewton\(momentum={value}\)", r"in \[0, 1\)")
            for value in (-0.1, 1.0, 2, float("nan"))
        ],
        *[
            ({"weight_decay": value}, rf"DiagonalNewton\(weight_decay={value!r}\)", r"in \[0, 1\)")
            for value in (-0.1, 1.0, 2, float("nan"), None, "none")
        ],
        *[({"refresh": value}, rf"DiagonalNewton\(refresh={value}\)", "1 or more") for value in (0, -3, 1.5, None)],
    ],
)
def test_settings_that_make_no_sense_are_refused(setting: dict[str, Any], cause: str, remedy: str) -> None:
    with pytest.raises(ValueError, match=cause) as refusal:
        DiagonalNewton([start()], **setting)
    refusal.match(remedy)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(DiagonalNewton, id="diagonal"),
        pytest.param(lambda p: Newton(p, solver="cg"), id="newton cg"),
        pytest.param(Newton, id="newton"),
        pytest.param(lambda p: DiagonalNewton(p, damping=0.1), id="fixed damping"),
    ],
)
def test_a_sample_without_a_gradient_moves_nothing_and_stops_nothing(make: Any) -> None:
    x = torch.randn(8, SIZE - 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    silent, loud = (GLMObjective(Gaussian(1), x, y) for y in (torch.zeros(8).double(), x[:, 0]))
    parameter = Parameter(torch.zeros(SIZE, dtype=torch.float64))
    optimizer = make([parameter])
    for objective in (silent, loud):
        objective.is_sample = True

        def closure(objective: GLMObjective = objective) -> Tensor:
            point = objective.at(parameter)
            parameter.grad = point.gradient.clone()
            return point.value

        optimizer.step(closure, objective=objective)
        assert bool(parameter.any()) is (objective is loud)
