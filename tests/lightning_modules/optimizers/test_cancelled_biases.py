"""A bias whose mean a normalisation behind it takes off tells nothing of the unit of features, and holds no step back."""

from typing import Any

import pytest
import torch
from torch import nn

from lightning_modules.objectives import GraphObjective
from lightning_modules.objectives.families import Categorical
from lightning_modules.objectives.graphs import graph_objective
from lightning_modules.optimizers import DiagonalNewton, KroneckerNewton

NORMS = {
    "instances": lambda: nn.InstanceNorm2d(4),
    "a channel each": lambda: nn.GroupNorm(4, 4),
    "two channels each": lambda: nn.GroupNorm(2, 4),
}


def task(norm: nn.Module, dtype: torch.dtype, unit: float = 1.0) -> tuple[nn.Sequential, GraphObjective]:
    torch.manual_seed(0)
    x = torch.randn(256, 2, 8, 8, dtype=dtype)
    y = (x.flatten(1) @ torch.randn(128, 4, dtype=dtype)).argmax(1)
    network = nn.Sequential(nn.Conv2d(2, 4, 5), norm, nn.ReLU(), nn.Flatten(), nn.Linear(64, 4)).to(dtype)
    with torch.no_grad():
        network[0].weight /= unit
    return network, GraphObjective(network, Categorical(4), unit * x, y)


@pytest.mark.parametrize("norm", NORMS.values(), ids=NORMS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("method", [DiagonalNewton, KroneckerNewton])
def test_the_loss_falls(norm: Any, dtype: torch.dtype, method: Any) -> None:
    network, objective = task(norm(), dtype)
    optimizer = method(network.parameters())
    losses = [float(optimizer.step(objective=objective)) for _ in range(6)]
    assert optimizer.status is None
    assert losses[-1] < 0.8 * losses[0]


def test_believed_it_stops_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_objective, "CANCELLED", 0.0)
    network, objective = task(NORMS["instances"](), torch.float64)
    optimizer = DiagonalNewton(network.parameters())
    losses = [float(optimizer.step(objective=objective)) for _ in range(3)]
    assert losses[-1] > 0.99 * losses[0]


@pytest.mark.parametrize("unit", [2.0**-20, 2.0**20])
def test_the_unit_of_features_does_not_matter(unit: float) -> None:
    ends = []
    for each in (1.0, unit):
        network, objective = task(NORMS["two channels each"](), torch.float64, each)
        optimizer = DiagonalNewton(network.parameters())
        ends.append([float(optimizer.step(objective=objective)) for _ in range(5)])
    assert ends[1] == pytest.approx(ends[0], rel=1e-2)
