"""What a loss never falls below where the network's last activation keeps its outputs between two numbers."""

import math
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from lightning_modules import MLP
from lightning_modules.networks import DenseNetwork
from lightning_modules.objectives import GraphObjective, NetworkObjective
from lightning_modules.objectives.families import Bernoulli, Categorical, SquaredError
from lightning_modules.optimizers import DiagonalNewton
from lightning_modules.optimizers.within_loss import averaged_above, within_loss

X, Y = torch.randn(6, 3), torch.tensor([0, 1, 2, 0, 1, 2])


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "hard_tanh"])
def test_outputs_at_their_ends_have_it(activation: str) -> None:
    network = DenseNetwork((3, 4, 3), "tanh", output_activation=activation)
    objective = NetworkObjective(network, Categorical(3), X, Y)
    low, high = objective.output_bounds
    best = torch.full((6, 3), low, dtype=torch.float64).scatter(1, Y[:, None], high)
    assert objective.infimum == pytest.approx(float(Categorical(3).loss(best, Y).mean()), rel=1e-12)


def test_a_last_activation_of_any_module_counts_too() -> None:
    bounded = nn.Sequential(nn.Linear(3, 3), nn.Tanh())
    assert GraphObjective(bounded, Categorical(3), X, Y).infimum == pytest.approx(math.log(1 + 2 * math.exp(-2)))
    assert GraphObjective(nn.Sequential(nn.Tanh(), nn.Linear(3, 3)), Categorical(3), X, Y).infimum == 0
    assert GraphObjective(bounded, SquaredError(3), X, torch.randn(6, 3)).infimum == 0


@pytest.mark.parametrize("bounds", [(-1.0, 1.0), (0.0, 1.0), (0.0, math.inf), (-math.inf, math.inf)])
def test_of_two_classes_it_is_the_better_end(bounds: tuple[float, float]) -> None:
    ends = torch.tensor([[min(bounds[1], 50.0)], [max(bounds[0], -50.0)]], dtype=torch.float64)
    best = float(Bernoulli().loss(ends, torch.tensor([1, 0])).min())
    assert Bernoulli().infimum_within(*bounds) == pytest.approx(best, abs=1e-12)


def test_a_step_sets_out_for_a_part_of_what_can_be_gained() -> None:
    model = MLP(widths=[3, 4, 3], activation="tanh", output_activation="tanh", optimizer=DiagonalNewton)
    optimizer = DiagonalNewton(model.parameters())
    loss = optimizer.step(objective=model.objective((X, Y)).as_sample())
    torch.testing.assert_close(optimizer.kept.above, loss - math.log(1 + 2 * math.exp(-2)))


def test_a_loss_that_rounding_takes_below_it_is_at_it() -> None:
    """Else the length of a step would be negative."""
    point = SimpleNamespace(value=torch.tensor(0.5), objective=SimpleNamespace(infimum=0.6))
    assert averaged_above(point, None, 0.1) == 0
    assert within_loss(torch.tensor(1.0), torch.tensor(2.0), averaged_above(point, None, 0.1)) == 0
