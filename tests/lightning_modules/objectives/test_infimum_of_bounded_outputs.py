"""What a loss never falls below where the network's last activation keeps its outputs between two numbers."""

import math

import pytest
import torch
from torch import nn

from lightning_modules import MLP
from lightning_modules.networks import DenseNetwork
from lightning_modules.objectives import GraphObjective, NetworkObjective
from lightning_modules.objectives.families import Bernoulli, Categorical, SquaredError
from lightning_modules.optimizers import DiagonalNewton

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


def test_steps_do_not_overshoot_what_cannot_be_gained() -> None:
    """Eight tanh layers, tanh on the output: taken for 0, the infimum lets steps set out for a loss that is not there."""
    torch.manual_seed(0)
    x = torch.randn(512, 10)
    y = (x @ torch.randn(10, 4)).argmax(1)
    model = MLP(widths=[10, 16, 16, 16, 4], activation="tanh", output_activation="tanh", optimizer=DiagonalNewton)
    optimizer = DiagonalNewton(model.parameters())
    losses = []
    for step in range(300):
        rows = torch.arange(step * 64, step * 64 + 64) % 512
        losses.append(float(optimizer.step(objective=model.objective((x[rows], y[rows])).as_sample())))
    infimum = model.objective((x, y)).infimum
    assert infimum == pytest.approx(math.log(1 + 3 * math.exp(-2)))
    assert min(losses) >= infimum
    assert sum(losses[-50:]) / 50 - infimum < 0.35 * (sum(losses[:5]) / 5 - infimum)
