"""Networks on features and targets in other units, their first and last weights in the units that follow: the same steps."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from lightning_modules.networks import DenseNetwork
from lightning_modules.objectives import NetworkObjective, Reduction, this_process
from lightning_modules.objectives.families import Categorical, PointwiseLoss, SquaredError
from lightning_modules.objectives.layered.trace import layers_of
from lightning_modules.optimizers import DiagonalNewton, Newton
from tests.lightning_modules.optimizers.fitting import normal
from tests.lightning_modules.optimizers.units import EXACT, ODD, Way, assert_same_bits, distances, units, way
from tests.lightning_modules.processes import in_processes

pytestmark = pytest.mark.slow

STEPS = 20
X = normal(40, 3, seed=1)
Y = torch.stack([X[:, 0].sin() + X[:, 1] * X[:, 2], X[:, 1].cos()], 1) + 0.1 * normal(40, 2, seed=2)
LABELS = (X[:, 0] * X[:, 1] > 0).long()
START = 0.5 * normal(32, seed=5)
ONE = torch.ones(3, dtype=torch.float64)
METHODS: dict[str, Callable[[Any], Any]] = {
    "newton": Newton,
    "newton_hessian": partial(Newton, curvature="hessian"),
    "newton_cg": partial(Newton, solver="cg"),
    "diagonal_newton": DiagonalNewton,
    "diagonal_newton_hessian": partial(DiagonalNewton, curvature="hessian"),
}
each_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())
each_activation = pytest.mark.parametrize("activation", ["tanh", "softplus", "relu"])


def objective_of(
    activation: str,
    loss: PointwiseLoss,
    feature: Tensor = ONE,
    target: float = 1.0,
    rows: slice = slice(None),
    reduction: Reduction = this_process,
) -> tuple[NetworkObjective, Tensor]:
    """In such units of features and targets, and the units (p,) that the parameters then have."""
    network, unit = DenseNetwork((3, 5, 2), activation), torch.ones_like(START)
    layers = layers_of(network, unit)
    layers[0].weight.div_(feature)
    for part in (layers[-1].weight, layers[-1].bias):
        part.mul_(target)
    y = LABELS if isinstance(loss, Categorical) else target * Y
    return NetworkObjective(network, loss, (X * feature)[rows], y[rows], 0.0, reduction), unit


def ways(
    activation: str, loss: PointwiseLoss, method: Callable[[Any], Any], feature: Tensor, target: float
) -> tuple[Way, Way, Tensor]:
    ours, (objective, unit) = objective_of(activation, loss)[0], objective_of(activation, loss, feature, target)
    return way(ours, START, method, STEPS), way(objective, unit * START, method, STEPS), unit


@each_activation
@each_method
@pytest.mark.parametrize("feature", [ONE, units(3, EXACT)], ids=["as they are", "powers of two"])
@pytest.mark.parametrize("target", [1.0, 4.0**15, 4.0**-15])
def test_a_network_goes_the_same_way_to_the_last_bit(
    activation: str, method: Callable[[Any], Any], feature: Tensor, target: float
) -> None:
    loss = SquaredError(2)
    assert_same_bits(*ways(activation, loss, method, feature, target))


@each_activation
@each_method
def test_so_does_a_classifier(activation: str, method: Callable[[Any], Any]) -> None:
    ours, theirs, unit = ways(activation, Categorical(2), method, units(3, EXACT), 1.0)
    assert_same_bits(ours, theirs, unit)
    assert len(ours.iterates) > STEPS // 2


@each_activation
@each_method
@pytest.mark.parametrize("target", [1.0, 1e-9, 1e9])
def test_in_odd_units_rounding_is_all_that_differs(activation: str, method: Callable[[Any], Any], target: float) -> None:
    """It grows from step to step, because of a network a step is not the same function of θ for long."""
    ours, theirs, unit = ways(activation, SquaredError(2), method, units(3, ODD), target)
    assert max(distances(ours, theirs, unit)[:4]) <= 1e-8


@each_method
def test_damping_every_unit_by_its_own_past_is_as_independent_of_units(
    method: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pooling is another way to measure, not a way out of units: without it the bits are the same too."""
    monkeypatch.setattr(NetworkObjective, "pooled", lambda self, diagonal: diagonal)
    assert_same_bits(*ways("tanh", SquaredError(2), method, units(3, EXACT), 4.0**15))


@each_method
def test_one_scale_for_all_inputs_goes_another_way(method: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: the mean over a whole layer mixes the units of its inputs."""
    monkeypatch.setattr(NetworkObjective, "pooled", lambda self, diagonal: diagonal.mean().expand_as(diagonal).clone())
    ours, theirs, unit = ways("tanh", SquaredError(2), method, units(3, EXACT), 1.0)
    assert max(distances(ours, theirs, unit)) > 1e-3


@pytest.mark.parametrize("loss", [SquaredError(2), Categorical(2)], ids=["squares", "classes"])
@pytest.mark.parametrize("method", [Newton, DiagonalNewton], ids=["newton", "diagonal_newton"])
@pytest.mark.parametrize("count", [2, 3])
def test_several_processes_take_the_steps_of_one(loss: PointwiseLoss, method: Callable[[Any], Any], count: int) -> None:
    """Their shares of rows uneven, one of them empty where there are three."""
    feature = units(3, ODD)
    bounds = [0, 11, 40, 40][: count + 1]

    def work(rank: int, reduction: Reduction) -> list[Tensor]:
        rows = slice(bounds[rank], bounds[rank + 1])
        objective, unit = objective_of("tanh", loss, feature, 1e5, rows, reduction)
        return way(objective, unit * START, method, 5).iterates

    objective, unit = objective_of("tanh", loss, feature, 1e5)
    alone = way(objective, unit * START, method, 5).iterates
    for iterates in in_processes(count, work):
        assert len(iterates) == len(alone)
        for ours, theirs in zip(alone, iterates, strict=True):
            assert ((ours - theirs) / unit).abs().max() <= 1e-8 * (ours / unit).abs().max()
