"""How long a network's steps are: at first, where a loss far out is nothing like nearby, and where the past is forgotten."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import Parameter

from datamodules import ArrayDataModule
from lightning_modules import TorchModel
from lightning_modules.networks import DenseNetwork
from lightning_modules.objectives import NetworkObjective
from lightning_modules.objectives.families import Categorical
from lightning_modules.objectives.function_objective import FunctionObjective
from lightning_modules.optimizers import DiagonalNewton, KroneckerNewton, first_lengths, running_model
from lightning_modules.optimizers.first_lengths import tried
from tests.training import make_trainer

X = torch.randn(512, 8, generator=torch.Generator().manual_seed(0))
Y = 2 + torch.sin(X[:, 0]) + X[:, 1] * X[:, 2]


def left(method: Any, loss: Any, scale: float, **trainer: Any) -> float:
    """The share of the loss of a prediction of 0 that is left after some steps, its root for squares."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
    data = ArrayDataModule(X.numpy(), scale * Y.numpy(), task="regression", batch_size=64, val_fraction=0, test_fraction=0)
    model = TorchModel(net, loss=loss, schedule="cosine", optimizer=method)
    make_trainer(30, precision="32-true", **trainer).fit(model, data)
    found, targets = net(data.splits["train"][0].float()).detach().flatten(), data.splits["train"][1].flatten()
    return float((found - targets).square().mean().sqrt() / targets.square().mean().sqrt())


@pytest.mark.parametrize(
    ("loss", "scale"), [("mse", 1.0), ("mse", 1e3), ("mse", 1e5), ("pseudo_huber", 1e3), ("l1", 1e3), ("l1", 1e5)]
)
@pytest.mark.parametrize("method", [DiagonalNewton, KroneckerNewton])
def test_targets_may_be_large(method: Any, loss: Any, scale: float) -> None:
    assert left(method, loss, scale) < 0.8


def test_control_differences_that_are_roundings_would_shorten_it_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_lengths, "ROUNDINGS", 0)
    monkeypatch.setattr(first_lengths, "SHORTER", float("inf"))
    assert left(KroneckerNewton, "mse", 1e5) > 0.95


def quartic(theta: Tensor) -> Tensor:
    return 1e10 + (theta - 1.0).pow(4).sum()


def test_a_length_is_not_made_shorter_by_roundings() -> None:
    point = FunctionObjective(quartic).point(torch.zeros(3))
    assert float(point.value) == 1e10
    m = tried(point, torch.ones(3), torch.tensor(-12.0), torch.tensor(1.0), torch.tensor(1e6))
    assert float(m) == 1e6


@pytest.mark.parametrize("m", [1e-3, 1.0, 1e6])
def test_trials_end_when_they_change_nothing_with_what_all_of_them_give(m: float, monkeypatch: pytest.MonkeyPatch) -> None:
    made, met = [], first_lengths._met
    monkeypatch.setattr(first_lengths, "_met", lambda *given: made.append(given) or met(*given))
    point = FunctionObjective(lambda theta: (theta - 1.0).pow(4).sum()).point(torch.zeros(3))
    given, curvature = (point, torch.ones(3), torch.tensor(-12.0), torch.tensor(1.0)), torch.tensor(m)
    found = tried(*given, curvature)
    assert 1 <= len(made) < first_lengths.TRIALS
    for _ in range(first_lengths.TRIALS):
        curvature = met(*given, curvature)
    assert torch.equal(found, curvature)


def test_of_a_loss_that_is_not_finite_far_out_the_length_is_found_nearby() -> None:
    def steep(theta: Tensor) -> Tensor:
        return torch.exp(theta).sum() - theta.sum()

    point = FunctionObjective(steep).point(torch.full((2,), 3.0, dtype=torch.float64))
    direction = -point.gradient
    steepness = point.gradient @ direction
    m = tried(point, direction, steepness, -steepness, torch.tensor(1e2, dtype=torch.float64))
    assert point.objective.point(point.theta - steepness / 1e2 * direction).value > point.value
    assert point.objective.point(point.theta - steepness / m * direction).value < 0.2 * point.value


@pytest.mark.parametrize(("longer", "is_bounded"), [(2.0, True), (float("inf"), False)], ids=["bounded", "control"])
def test_a_length_at_most_doubles_where_the_past_is_forgotten(
    longer: float, is_bounded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running_model, "LONGER", longer)
    network = DenseNetwork((4, 6, 3), "tanh")
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(16, 4, dtype=torch.float64, generator=generator), torch.randint(3, (16,), generator=generator)
    objective = NetworkObjective(network, Categorical(3), x, y).as_sample()
    parameter = Parameter(torch.randn(sum(p.numel() for p in network.parameters()), dtype=torch.float64, generator=generator))
    optimizer = DiagonalNewton([parameter], refresh=1)

    def closure() -> Tensor:
        point = objective.at(parameter)
        parameter.grad = point.gradient.clone()
        return point.value

    def length() -> float:
        kept = optimizer.kept
        assert kept.slope is not None and kept.curvature_along is not None
        return float(kept.slope / kept.curvature_along)

    for _ in range(4):
        optimizer.step(closure, objective=objective)
    kept = optimizer.kept
    assert kept.direction is not None and kept.curvature_along is not None
    kept.curvature_along.mul_(100)  # what was met before bent a hundred times as much
    before = length()
    kept.direction.copy_(1e3 * objective.at(parameter).gradient)  # uphill
    optimizer.step(closure, objective=objective)
    assert (length() <= 2.0001 * before) == is_bounded
