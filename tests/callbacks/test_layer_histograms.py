"""Histograms of each layer, for who asks for them."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from callbacks import LayerHistograms
from datamodules import IrisDataModule
from lightning_modules import MLP
from lightning_modules.optimizers import DiagonalNewton, KroneckerNewton
from tests.training import Iterates, fit_iterates, make_trainer

LAYERS = ("network.layers.0", "network.layers.1")
METHODS = {
    "diagonal_newton": (DiagonalNewton, 3),
    "kronecker_newton": (KroneckerNewton, 3),
    "adam": (partial(torch.optim.Adam, lr=0.1), 2),
}


def drawn_in(folder: Path) -> EventAccumulator:
    """All histograms, where one of each tag is the default."""
    return EventAccumulator(str(folder), {"histograms": 0}).Reload()


def model(method: Any) -> MLP:
    torch.manual_seed(0)
    return MLP((4, 5, 3), optimizer=method)


@pytest.mark.parametrize(("method", "kinds"), METHODS.values(), ids=METHODS)
def test_each_layer_has_them_and_the_fit_is_left_alone(tmp_path: Path, method: Any, kinds: int) -> None:
    iterates, data = Iterates(), IrisDataModule(batch_size=45)
    make_trainer(2, LayerHistograms(2), iterates, logger=TensorBoardLogger(tmp_path, "", "")).fit(model(method), data)
    events = drawn_in(tmp_path)
    tags = events.Tags()["histograms"]
    what = ("weights", "gradients", "log10_curvature_diagonal")[:kinds]
    assert set(tags) == {f"histogram/{kind}/{layer}" for kind in what for layer in LAYERS}
    assert all([event.step for event in events.Histograms(tag)] == [1, 3] for tag in tags)
    assert events.Histograms(f"histogram/weights/{LAYERS[0]}")[0].histogram_value.num == 25
    assert torch.equal(torch.stack(iterates.thetas), fit_iterates(model(method), data, 2))


def test_curvature_is_drawn_as_its_logarithm(tmp_path: Path) -> None:
    """A unit that is 0 for every row has a curvature of 0, which has no logarithm."""
    trainer = make_trainer(1, LayerHistograms(1), logger=TensorBoardLogger(tmp_path, "", ""))
    dead = model(DiagonalNewton)
    with torch.no_grad():
        dead.network.layers[0].bias[0] = -100
    trainer.fit(dead, IrisDataModule(batch_size=45))
    diagonal = trainer.optimizers[0].curvature_diagonal()[:25]
    drawn = drawn_in(tmp_path).Histograms(f"histogram/log10_curvature_diagonal/{LAYERS[0]}")[-1].histogram_value
    assert int((diagonal == 0).sum()) >= 5
    assert drawn.num == int((diagonal != 0).sum())
    assert drawn.max == pytest.approx(float(diagonal.max().log10()))


def test_it_draws_nothing_unless_asked_and_nothing_elsewhere(tmp_path: Path) -> None:
    make_trainer(1, LayerHistograms(), logger=TensorBoardLogger(tmp_path, "", "a")).fit(model(DiagonalNewton), IrisDataModule())
    assert drawn_in(tmp_path / "a").Tags()["histograms"] == []
    make_trainer(1, LayerHistograms(1), logger=CSVLogger(tmp_path, "", "b")).fit(model(DiagonalNewton), IrisDataModule())
    with pytest.raises(ValueError, match=r"LayerHistograms\(every_n_steps=-1\)"):
        LayerHistograms(-1)
