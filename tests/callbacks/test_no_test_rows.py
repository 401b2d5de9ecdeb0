"""A fit of all rows: nothing is left to test, and no callback stumbles over that."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from pytorch_lightning.loggers import TensorBoardLogger
from sklearn.datasets import load_diabetes
from torch.utils.data import DataLoader

from callbacks import (
    ConfusionMatrix,
    EmbeddingProjector,
    FeatureBaselines,
    HyperParameters,
    NearestNeighbors,
    TestMetrics,
    TrainingTime,
    TrainMetrics,
    TwoViewGrid,
)
from callbacks.confusion_matrix import class_accuracy, draw_class_accuracy, draw_confusion
from datamodules import ArrayDataModule, IrisDataModule
from lightning_modules import LinearRegression, SimCLR
from lightning_modules.optimizers import Newton
from tests.callbacks.memory_logger import MemoryLogger
from tests.training import make_model, make_trainer
from tests.two_view_data import TinyTwoViews


class NoTest(TinyTwoViews):
    """As a `SplitDataModule` without test rows serves them: by no loader."""

    def test_dataloader(self) -> list[object]:  # type: ignore[override]
        return []


class NoValidation(NoTest):
    """The same without validation rows."""

    def val_dataloader(self) -> list[object]:  # type: ignore[override]
        return []


def test_train_and_validation_metrics_only() -> None:
    data, logger = IrisDataModule(test_fraction=0), MemoryLogger()
    trainer = make_trainer(3, TestMetrics(), TrainMetrics(), ConfusionMatrix(), logger=logger, limit_val_batches=1.0)
    trainer.fit(make_model(data, Newton), data)
    assert "train/loss" in logger.values and "val/loss" in logger.values, "control"
    assert not [name for name in logger.values if name.startswith("test/")]


def test_callbacks_of_features_are_idle(tmp_path: Path) -> None:
    model = SimCLR((8, 8), 10, features=16, channels=8, optimizer=partial(torch.optim.Adam, lr=1e-3))
    logger, board = MemoryLogger(), TensorBoardLogger(tmp_path)
    callbacks = [NearestNeighbors(), FeatureBaselines(), EmbeddingProjector(), TwoViewGrid(), TrainingTime(), TestMetrics()]
    make_trainer(2, *callbacks, logger=[logger, board]).fit(model, NoTest())
    assert "val/knn_accuracy" in logger.values, "control: validation is judged"
    assert not [name for name in logger.values if name.startswith(("test/", "baseline/"))]
    assert not list(tmp_path.rglob("tensors.tsv"))
    without = MemoryLogger()
    make_trainer(1, NearestNeighbors(), logger=without).fit(model, NoValidation())
    assert not [name for name in without.values if "knn" in name]


def test_a_test_from_python_returns_nothing(tmp_path: Path) -> None:
    """And says so in one line, which is Lightning's."""
    data, confusion = IrisDataModule(test_fraction=0), ConfusionMatrix()
    model = make_model(data, Newton)
    trainer = make_trainer(2, confusion, HyperParameters({"lr": 1.0}), logger=TensorBoardLogger(tmp_path))
    trainer.fit(model, data)
    with pytest.warns(UserWarning, match="Total length of `list` across ranks is zero"):
        assert trainer.test(model, data, verbose=False) == []
    assert confusion.counts is None


def test_predicting_no_rows_returns_nothing() -> None:
    """An error here would leave torch's DataLoader as Lightning patches it while it asks for loaders."""
    data = IrisDataModule(test_fraction=0)
    model, trainer = make_model(data, Newton), make_trainer(1)
    trainer.fit(model, data)
    with pytest.warns(UserWarning, match="Total length of `list` across ranks is zero"):
        assert not trainer.predict(model, data)
    rows = DataLoader(data.scaled(np.ones((2, 4))), batch_size=2)  # type: ignore[arg-type]
    assert trainer.predict(model, rows)[0].shape == (2, 3), "control: other rows can be predicted"


def test_a_fit_of_all_rows_is_least_squares_of_the_whole_table() -> None:
    statsmodels = pytest.importorskip("statsmodels.api", reason="statsmodels, the peer, comes with the dev extra")
    x, y = load_diabetes(return_X_y=True)
    expected = statsmodels.OLS(y, statsmodels.add_constant(x)).fit().params
    found = {}
    for test_fraction in (0.0, 0.2):
        data = ArrayDataModule(x, y, val_fraction=0, test_fraction=test_fraction, standardize=False, task="regression")
        model = LinearRegression(10, optimizer=Newton)
        make_trainer(20).fit(model, data)
        weights = torch.cat([model.linear.bias, model.linear.weight[0]]).detach().numpy()
        found[test_fraction] = np.abs(weights / expected - 1).max()
    assert found[0.0] < 1e-9
    assert found[0.2] > 1e-2, "control: with test rows held back they differ"


def test_a_class_without_rows_has_no_accuracy() -> None:
    counts = torch.tensor([[8, 2, 0], [0, 0, 0], [0, 0, 5]])
    accuracy = class_accuracy(counts)
    assert accuracy[[0, 2]].tolist() == pytest.approx([0.8, 1.0]) and accuracy[1].isnan()
    figure = draw_class_accuracy(counts, ("a", "b", "c"))
    assert [text.get_text() for text in figure.axes[0].texts] == ["80.0%", "–", "100.0%"]
    figure.canvas.draw()
    draw_confusion(counts, ("a", "b", "c")).canvas.draw()
