"""The spread of the curvature's diagonal in each layer."""

from functools import partial
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from callbacks import CurvatureQuantiles
from callbacks.curvature_quantiles import MOST_SORTED, NAMES, quantiles
from datamodules import IrisDataModule
from lightning_modules import MLP
from lightning_modules.optimizers import DiagonalNewton, KroneckerNewton, Newton
from tests.callbacks.memory_logger import MemoryLogger
from tests.training import Iterates, fit_iterates, make_trainer

METHODS = {"diagonal": DiagonalNewton, "kronecker": KroneckerNewton}
LAYERS = {"network.layers.0": slice(0, 25), "network.layers.1": slice(25, 43)}


def model(method: Any) -> MLP:
    torch.manual_seed(0)
    return MLP((4, 5, 3), optimizer=method)


class Averages(Callback):
    """An independent computation, of diagonal Newton: the averages of exact diagonals of mini-batches."""

    def __init__(self) -> None:
        self.average, self.diagonals = torch.zeros(43, dtype=torch.float64), list[torch.Tensor]()

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        theta = torch.nn.utils.parameters_to_vector(pl_module.parameters()).detach()
        matrix = pl_module.objective(batch).at(theta).curvature("ggn").matrix()
        self.average = 0.95 * self.average + 0.05 * matrix.diagonal()
        self.diagonals.append(self.average / (1 - 0.95 ** (len(self.diagonals) + 1)))


def test_on_mini_batches_they_are_of_the_average() -> None:
    logger, averages = MemoryLogger(), Averages()
    trainer = make_trainer(3, averages, CurvatureQuantiles(), logger=logger)
    trainer.fit(model(partial(DiagonalNewton, refresh=1)), IrisDataModule(batch_size=45))
    assert len(averages.diagonals) == 6
    for layer, places in LAYERS.items():
        for name, share in zip(NAMES, (0, 0.25, 0.5, 0.75, 1), strict=True):
            expected = [float(each[places].quantile(share, interpolation="nearest")) for each in averages.diagonals]
            assert list(logger.values[f"curvature_diagonal/{layer}/{name}"].values()) == pytest.approx(expected)


@pytest.mark.parametrize("batch_size", [None, 45], ids=["full batch", "mini-batches"])
@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_every_layer_has_them_in_order_and_the_fit_is_left_alone(method: Any, batch_size: int | None) -> None:
    logger, iterates, data = MemoryLogger(), Iterates(), IrisDataModule(batch_size=batch_size)
    make_trainer(3, CurvatureQuantiles(), iterates, logger=logger).fit(model(method), data)
    steps = list(range(3 if batch_size is None else 6))
    for layer in LAYERS:
        rows = [logger.values[f"curvature_diagonal/{layer}/{name}"] for name in NAMES]
        assert all(list(row) == steps for row in rows)
        for step in steps:
            values = [row[step] for row in rows]
            assert values == sorted(values) and values[0] >= 0 and values[-1] > values[0]
    assert torch.equal(torch.stack(iterates.thetas), fit_iterates(model(method), data, 3))


@pytest.mark.parametrize(("interval", "steps"), [(1, [0, 1, 2, 3, 4, 6, 8]), (3, [2, 5, 8])])
@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_an_average_is_logged_when_it_has_changed(method: Any, interval: int, steps: list[int]) -> None:
    """It takes in every second batch, and each of the first four; between two that are three apart there is always one."""
    logger = MemoryLogger()
    trainer = make_trainer(5, CurvatureQuantiles(interval), logger=logger)
    trainer.fit(model(partial(method, refresh=2)), IrisDataModule(batch_size=45))
    assert list(logger.values["curvature_diagonal/network.layers.0/max"]) == steps
    assert trainer.optimizers[0].curvature_age() == 1


@pytest.mark.parametrize("method", [Newton, partial(torch.optim.Adam, lr=0.1)], ids=["newton", "adam"])
def test_a_method_without_a_diagonal_logs_none(method: Any) -> None:
    logger = MemoryLogger()
    make_trainer(2, CurvatureQuantiles(), logger=logger).fit(model(method), IrisDataModule())
    assert not [tag for tag in logger.values if tag.startswith("curvature_diagonal")]


def test_interval() -> None:
    logger = MemoryLogger()
    make_trainer(3, CurvatureQuantiles(4), logger=logger).fit(model(DiagonalNewton), IrisDataModule(batch_size=45))
    assert list(logger.values["curvature_diagonal/network.layers.0/max"]) == [3]
    with pytest.raises(ValueError, match=r"CurvatureQuantiles\(every_n_steps=0\)"):
        CurvatureQuantiles(0)


def test_frozen_layers_have_none() -> None:
    logger, partly = MemoryLogger(), model(DiagonalNewton)
    partly.network.layers[0].requires_grad_(False)
    make_trainer(1, CurvatureQuantiles(), logger=logger).fit(partly, IrisDataModule(batch_size=45))
    assert {tag.split("/")[1] for tag in logger.values if tag.startswith("curvature_diagonal")} == {"network.layers.1"}


def test_of_large_layers_quartiles_are_near_and_ends_exact() -> None:
    """Entries of a matrix whose columns differ, so that every k-th entry could be of few columns only."""
    rows, columns = 200, 256
    values = (10.0 ** torch.linspace(-6, 0, columns, dtype=torch.float64)).repeat(rows)
    values[7], values[8] = 1e-9, 5.0
    assert len(values) > 10 * MOST_SORTED
    least, *quartiles, largest = quantiles([values[:30000], values[30000:]]).tolist()
    assert (least, largest) == (1e-9, 5.0)
    shares = [float((values < value).double().mean()) for value in quartiles]
    assert shares == pytest.approx([0.25, 0.5, 0.75], abs=0.02)
