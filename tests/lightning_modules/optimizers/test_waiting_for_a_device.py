"""What a method asks of a device that works on its own: nothing on a sample, the truth where all rows are seen."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import Parameter

from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import Gaussian
from lightning_modules.objectives.linear.glm_curvature import GLMCurvature
from lightning_modules.optimizers import CurvatureOptimizer, DiagonalNewton, Newton, curvature_optimizer
from lightning_modules.solvers import SingularCurvatureError
from tests.simulated_device import DEVICE


def steps(make: Callable[..., CurvatureOptimizer], objective: GLMObjective) -> Tensor:
    """One step on a sample; on all rows as many as it takes."""
    parameter = Parameter(torch.ones(objective.num_features + 1, dtype=torch.float64).to(objective.features.device))

    def closure() -> Tensor:
        point = objective.at(parameter)
        parameter.grad = point.gradient.clone()
        return point.value

    optimizer = make([parameter])
    while optimizer.status is None:
        optimizer.step(closure=closure, objective=objective)
        if objective.is_sample:
            break
    return parameter.detach()


@pytest.mark.parametrize("search", [None, "backtracking"])
@pytest.mark.parametrize("is_sample", [False, True])
def test_a_singular_diagonal_is_refused_where_somebody_waits(search: Any, is_sample: bool) -> None:
    x = torch.randn(20, 3, dtype=torch.float64)
    x[:, 1] = 0
    objective = GLMObjective(Gaussian(1), x.to(DEVICE), torch.randn(20, 1, dtype=torch.float64).to(DEVICE))
    if is_sample:
        objective = objective.as_sample()
    method = partial(DiagonalNewton, damping=0.0, search=search)
    if is_sample and search is None:
        assert steps(method, objective).isnan().any(), "so that the next loss is refused"
    else:
        with pytest.raises(SingularCurvatureError, match="not positive"):
            steps(method, objective)


@pytest.mark.parametrize("most", [0, 512])
def test_the_decision_to_stop_is_by_products_above_its_bound(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(curvature_optimizer, "DENSE_DECISION", most)
    formed, matrix = [], GLMCurvature.matrix

    def noted(self: GLMCurvature) -> Tensor:
        formed.append(self.theta)
        return matrix(self)

    monkeypatch.setattr(GLMCurvature, "matrix", noted)
    x = torch.randn(40, 4, dtype=torch.float64)
    steps(partial(Newton, solver="cg"), GLMObjective(Gaussian(1), x, x.sum(1, keepdim=True)))
    assert bool(formed) is (most > 0)
