"""What the bend of a model adds to its gradient: by automatic differentiation of the whole, and what it is good for."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.autograd.functional import hessian, jacobian
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from lightning_modules.objectives import (
    FunctionObjective,
    LeastSquares,
    ModuleObjective,
    Objective,
    Point,
    Reduction,
    SplitLoss,
    this_process,
)
from lightning_modules.optimizers import Newton, minimise
from tests.lightning_modules.optimizers.fitting import normal
from tests.lightning_modules.processes import in_processes

T = torch.linspace(0, 3, 12, dtype=torch.float64)
LABELS = torch.arange(12) % 3
THETA, STEP = normal(6, seed=1), 0.3 * normal(6, seed=2)


class Curves(nn.Module):
    """Three outputs at each time, none of them linear in the six parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.zeros(6, dtype=torch.float64))

    def forward(self, t: Tensor) -> Tensor:
        a, b, c, d, e, f = self.theta
        return torch.stack([a * torch.exp(-b * t), c * torch.sin(d * t), e / (1 + (f * t) ** 2)], 1)


def squares(f: Tensor, rows: slice) -> Tensor:
    return 0.5 * (f - T[rows, None]).square().sum()


def entropy(f: Tensor, rows: slice) -> Tensor:
    return cross_entropy(f, LABELS[rows], reduction="sum")


def module_objective(
    loss: Callable[[Tensor, slice], Tensor], rows: slice = slice(None), reduction: Reduction = this_process
) -> ModuleObjective:
    split = SplitLoss(lambda module, r: module(T[r]), loss)
    return ModuleObjective(Curves(), split, rows, len(T[rows]), reduction)


def curve(theta: Tensor) -> Tensor:
    return theta[0] * torch.exp(-theta[1] * T) + theta[2] * torch.sin(theta[3] * T) + theta[4] / (1 + (theta[5] * T) ** 2) - T


OBJECTIVES: dict[str, Objective] = {
    "least squares": LeastSquares(curve),
    "module": module_objective(squares),
    "softmax": module_objective(entropy),
}


def expected_bend(objective: Objective, theta: Tensor, step: Tensor) -> Tensor:
    """Jᵀ(∇ℓ(f(θ + s)) − ∇ℓ(f(θ)) − HJs), each factor a matrix of its own."""
    f, there = objective.outputs(theta).detach(), objective.outputs(theta + step).detach()
    j = jacobian(objective.outputs, theta).reshape(-1, len(theta))

    def loss(z: Tensor) -> Tensor:
        return objective.output_loss(z.view_as(f))

    slope = jacobian(loss, there.flatten()) - jacobian(loss, f.flatten())
    return j.T @ (slope - hessian(loss, f.flatten()) @ (j @ step))


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("kind", ["ggn", "hessian"])
def test_bend_is_what_the_formula_says(name: str, kind: str) -> None:
    objective = OBJECTIVES[name]
    bend = objective.at(THETA).curvature(kind).bend(STEP)
    assert_close(bend, expected_bend(objective, THETA, STEP), rtol=1e-12, atol=1e-14)
    assert bend.norm() > 1e-3


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_point_asks_it_of_the_way_to_the_trial(name: str) -> None:
    objective = OBJECTIVES[name]
    bend = objective.point(THETA).bend(objective.point(THETA + STEP))
    assert_close(bend, expected_bend(objective, THETA, STEP), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("loss", [squares, entropy])
@pytest.mark.parametrize("count", [2, 3])
def test_two_processes_and_three_find_that_of_one(loss: Callable[[Tensor, slice], Tensor], count: int) -> None:
    """Their shares of rows uneven, one of them empty where there are three."""
    bounds = [0, 5, 12, 12][: count + 1]
    alone = module_objective(loss).at(THETA).curvature("ggn").bend(STEP)

    def work(rank: int, reduction: Reduction) -> Tensor:
        objective = module_objective(loss, slice(bounds[rank], bounds[rank + 1]), reduction)
        bend = objective.point(THETA).bend(objective.point(THETA + STEP))
        assert bend is not None
        return bend

    for bend in in_processes(count, work):
        assert_close(bend, alone, rtol=1e-10, atol=1e-14)


def test_a_linear_model_of_squares_does_not_bend() -> None:
    x = normal(9, 6, seed=3)
    bend = LeastSquares(lambda theta: x @ theta - 1).at(THETA).curvature("ggn").bend(STEP)
    assert bend.abs().max() <= 1e-14


def test_a_function_has_no_model_that_could_bend() -> None:
    objective = FunctionObjective(lambda theta: theta.square().sum())
    assert objective.point(THETA).bend(objective.point(THETA + STEP)) is None


def narrow(x: Tensor) -> Tensor:
    """Rosenbrock's valley, a hundred times as narrow."""
    return torch.stack([1e3 * (x[1] - x[0] ** 2), 1 - x[0]])


def magnetism(x: Tensor) -> Tensor:
    """A power law with an offset, whose three parameters nearly say the same."""
    t = torch.linspace(7, 12, 60, dtype=torch.float64)
    return x[0] * (x[1] + t).abs() ** (-1 / x[2]) + 2523.5 * (46.7 + t) ** (-1 / 0.932)


def helix(x: Tensor) -> Tensor:
    return torch.stack([1e3 * (x[0] - 3 * x[2].cos()), 1e3 * (x[1] - 3 * x[2].sin()), x[2]])


@pytest.mark.parametrize(
    ("residuals", "start"), [(narrow, (-1.2, 1.0)), (magnetism, (-2000.0, 50.0, 0.8)), (helix, (0.0, 3.0, 6.0))]
)
def test_along_a_narrow_valley_it_saves_most_of_the_steps(
    residuals: Callable[[Tensor], Tensor], start: tuple[float, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: without it there are at least eight times as many."""
    run = partial(minimise, LeastSquares(residuals), torch.tensor(start, dtype=torch.float64), Newton, 1000)
    with_bend = run()
    monkeypatch.setattr(Point, "bend", lambda self, trial: None)
    without = run()
    assert with_bend.status == "converged" and with_bend.steps <= 60, with_bend.message
    assert with_bend.value <= 1e-16
    assert without.steps >= 8 * with_bend.steps
