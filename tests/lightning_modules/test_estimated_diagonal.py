"""Networks whose layers are not known: diagonal Newton steps by an unbiased estimate, and says that it is one."""

import logging

import pytest
import torch
from torch import Tensor, nn

from datamodules import DigitsDataModule
from lightning_modules import TorchModel
from lightning_modules.objectives import Curvature, flattened
from lightning_modules.optimizers import DiagonalNewton
from tests.lightning_modules.test_torch_model import Repeated, loss_of, rows_of
from tests.training import make_trainer


class Wide(nn.Module):
    """More parameters than a matrix is formed of, one layer of them used twice."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Linear(64, 64), nn.ReLU())
        self.last = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.last(self.layers(self.layers(x)))
        return result


def of_rows(count: int) -> Curvature:
    data = DigitsDataModule(batch_size=None)
    data.setup("fit")
    x, y = rows_of(data)
    model = TorchModel(Wide().double(), optimizer=DiagonalNewton)
    return model.objective((x[:count], y[:count])).at(flattened(list(model.parameters())).detach()).curvature("ggn")


def test_draws_estimate_the_diagonal_of_any_module() -> None:
    curvature = of_rows(50)
    assert not curvature.has_diagonal
    exact, m = curvature.diagonal(), 400
    estimate = curvature.diagonal_estimate(m, seed=0)
    seen = exact > 1e-9 * exact.max()
    z = ((estimate - exact) / exact)[seen] / (2 / m) ** 0.5
    assert z.abs().max() < 6 and 0.3 < z.square().mean() < 2.5


@pytest.mark.parametrize(("batch_size", "draws"), [(None, 32), (128, 2)], ids=["full batch", "mini-batches"])
def test_an_estimated_diagonal_trains_and_says_that_it_is_one(
    batch_size: int | None, draws: int, caplog: pytest.LogCaptureFixture
) -> None:
    data = DigitsDataModule(batch_size=batch_size)
    model = TorchModel(Wide(), optimizer=DiagonalNewton)
    data.setup("fit")
    x, y = rows_of(data)
    before = loss_of(model, x, y)
    with caplog.at_level(logging.INFO, logger="lightning_modules"):
        make_trainer(3).fit(model.float(), data)
    assert loss_of(model, x, y) < before
    told = [record.getMessage() for record in caplog.records if "unbiased estimate" in record.getMessage()]
    assert len(told) == 1 and f"from {draws} random draws" in told[0]


def test_a_point_is_estimated_once_whoever_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps are computed by the diagonal that gradients are measured by."""
    curvature, asked = of_rows(20), []
    estimate = type(curvature).diagonal_estimate
    monkeypatch.setattr(
        type(curvature), "diagonal_estimate", lambda self, draws, seed: asked.append(draws) or estimate(self, draws, seed)
    )
    assert torch.equal(curvature.scale(), curvature.solver("diagonal").diagonal())
    assert asked == [32]


def test_of_a_sample_a_product_for_each_of_hundreds_is_too_many() -> None:
    """It comes once, and averages of samples smooth an estimate; of all rows the diagonal is worth its price."""
    model = TorchModel(Repeated().double(), optimizer=DiagonalNewton)
    assert 256 < sum(p.numel() for p in model.parameters()) < 4096
    rows = torch.randn(9, 64, dtype=torch.float64), torch.randint(10, (9,))
    objective, theta = model.objective(rows), flattened(list(model.parameters())).detach()
    assert objective.point(theta).curvature("ggn").has_diagonal
    assert not objective.as_sample().point(theta).curvature("ggn").has_diagonal
