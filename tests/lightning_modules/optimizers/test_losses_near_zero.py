"""A loss less its own minimum, so that what is left of it near the optimum is the rounding of its terms."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import softplus

from lightning_modules.objectives import FunctionObjective, Point
from lightning_modules.optimizers import DiagonalNewton, GradientDescent, Newton, minimise, search, trial
from tests.lightning_modules.optimizers.fitting import normal

pytestmark = pytest.mark.slow

START = torch.zeros(5, dtype=torch.float64)
METHODS: dict[str, Callable[[Any], Any]] = {
    "newton": Newton,
    "newton_cg": partial(Newton, solver="cg"),
    "newton_backtracking": partial(Newton, damping=0.0, search="backtracking"),
    "diagonal_newton": DiagonalNewton,
    "gradient_descent": partial(GradientDescent, lr=1.0, search="backtracking"),
}
each_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())
each_loss = pytest.mark.parametrize("loss", ["poisson", "logistic"])


def loss_of(loss: str, seed: int) -> Callable[[Tensor], Tensor]:
    """The mean over 200 rows, of counts or of labels."""
    x, truth = normal(200, 5, seed=seed), 0.5 * normal(5, seed=seed + 100)
    if loss == "logistic":
        y = (x @ truth + 2 * normal(200, seed=seed + 7) > 0).double()
        return lambda theta: (softplus(x @ theta) - y * (x @ theta)).mean()
    counts = torch.poisson((x @ truth).exp(), generator=torch.Generator().manual_seed(seed))
    return lambda theta: ((x @ theta).exp() - counts * (x @ theta)).mean()


def less_its_minimum(loss: str, seed: int) -> FunctionObjective:
    function = loss_of(loss, seed)
    least = function(minimise(FunctionObjective(function), START).theta)
    return FunctionObjective(lambda theta: function(theta) - least)


@each_loss
@each_method
def test_all_of_thirty_converge(loss: str, method: Callable[[Any], Any]) -> None:
    for seed in range(30):
        objective = less_its_minimum(loss, seed)
        minimum = minimise(objective, START, method, 2000)
        assert minimum.status == minimum.optimizer_status == "converged", (seed, minimum.message)
        assert abs(minimum.value) <= 1e-13


@each_loss
@each_method
def test_by_the_values_alone_some_find_no_step(
    loss: str, method: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: the plain difference of two losses. The verdict sees that it is at the optimum all the same."""

    def difference(point: Point, there: Point, gradient: Tensor) -> Tensor:
        return point.value - there.value

    for user in (trial, search):
        monkeypatch.setattr(user, "Decrease", difference)
    ends = [minimise(less_its_minimum(loss, seed), START, method, 2000) for seed in range(30)]
    assert sum(end.optimizer_status == "stalled" for end in ends) >= 2
    assert {end.status for end in ends} == {"converged"}
