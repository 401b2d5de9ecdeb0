"""Runs a method on a network from a given point, and a point near a saddle to run it from."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from lightning_modules.networks import DenseNetwork
from lightning_modules.objectives import NetworkObjective, Objective
from lightning_modules.objectives.families import Gaussian
from lightning_modules.optimizers import CurvatureOptimizer


@dataclass
class Descent:
    """What was seen on the way."""

    optimizer: CurvatureOptimizer
    theta: Tensor
    losses: list[float] = field(default_factory=list)
    diagnostics: list[dict[str, float]] = field(default_factory=list)


def descend(objective: Objective, make: Callable[[Any], CurvatureOptimizer], theta: Tensor, steps: int) -> Descent:
    parameter = Parameter(theta.clone())
    found = Descent(make([parameter]), parameter.detach())

    def closure() -> Tensor:
        point = objective.at(parameter)
        parameter.grad = point.gradient.clone()
        return point.value

    for _ in range(steps):
        found.losses.append(float(found.optimizer.step(closure, objective=objective)))
        found.diagnostics.append(dict(found.optimizer.report.numbers()))
        found.theta = parameter.detach().clone()
        if found.optimizer.status is not None:
            break
    found.losses.append(float(objective.value(found.theta)))
    return found


def assert_never_uphill(found: Descent) -> None:
    assert all(later <= earlier * (1 + 1e-13) for earlier, later in pairwise(found.losses))
    assert all(step["gain_ratio"] > 0 for step in found.diagnostics if "gain_ratio" in step)


def saddle(units: int, l2: float, seed: int) -> tuple[NetworkObjective, Tensor]:
    """All weights 0 and the output's bias the mean target: no gradient, but curvature of both signs; and a point nearby."""
    x = torch.linspace(-2, 2, 15, dtype=torch.float64)[:, None]
    y = (torch.sin(2 * x) + x)[:, 0]
    objective = NetworkObjective(DenseNetwork((1, units, 1), "tanh"), Gaussian(1), x, y, l2)
    theta = torch.zeros(3 * units + 1, dtype=torch.float64)
    theta[-1] = y.mean()
    assert objective.at(theta).gradient.norm() < 1e-15
    eigenvalues = torch.linalg.eigvalsh(objective.at(theta).curvature("hessian").matrix())
    assert eigenvalues[0] < -0.1 and eigenvalues[-1] > 0.1
    nearby = torch.randn(len(theta), dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return objective, theta + 1e-3 * nearby
