"""Neighbours, baselines and the projector: what frozen features are worth, seen without touching the training."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from pytorch_lightning.loggers import TensorBoardLogger
from sklearn.neighbors import KNeighborsClassifier
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from callbacks import ConfusionMatrix, EmbeddingProjector, FeatureBaselines, NearestNeighbors, TrainingTime
from callbacks.features.nearest_neighbors import nearest_class
from datamodules import IrisDataModule
from lightning_modules import SimCLR
from lightning_modules.optimizers import Newton
from tests.callbacks.memory_logger import MemoryLogger
from tests.training import Iterates, make_model, make_trainer
from tests.two_view_data import TinyTwoViews


def make() -> SimCLR:
    torch.manual_seed(0)
    return SimCLR((8, 8), 10, features=16, channels=8, optimizer=partial(torch.optim.Adam, lr=1e-3))


def test_neighbors_are_those_of_scikit_learn() -> None:
    generator = torch.Generator().manual_seed(0)
    neighbors, queries = (torch.randn(n, 6, generator=generator, dtype=torch.float64) for n in (200, 1500))
    labels = torch.randint(0, 4, (200,), generator=generator)
    peer = KNeighborsClassifier(5, metric="cosine").fit(neighbors, labels)
    np.testing.assert_array_equal(nearest_class(neighbors, labels, queries, 5).numpy(), peer.predict(queries))


def test_training_is_the_same_with_and_without_them() -> None:
    thetas = []
    for callbacks in ([], [TrainingTime(), NearestNeighbors(), FeatureBaselines(), EmbeddingProjector()]):
        iterates = Iterates()
        make_trainer(2, iterates, *callbacks, logger=MemoryLogger()).fit(make(), TinyTwoViews())
        thetas.append(torch.stack(iterates.thetas))
    assert torch.equal(*thetas)


def test_what_is_logged_when() -> None:
    logger, data, model = MemoryLogger(), TinyTwoViews(), make()
    trainer = make_trainer(4, NearestNeighbors(every_n_epochs=2), FeatureBaselines(), logger=logger)
    trainer.fit(model, data)
    assert list(logger.values["val/knn_accuracy"]) == list(logger.values["test/knn_accuracy"]) == [7, 15]
    baselines = {name: values for name, values in logger.values.items() if name.startswith("baseline/")}
    assert len(baselines) == 4
    assert all(list(values) == [0] and 0.1 < values[0] <= 1 for values in baselines.values())
    assert not [name for name in trainer.callback_metrics if "knn" in name], "nothing can choose by them"
    train, test = ((data.features[data.rows[split]], data.labels[data.rows[split]]) for split in ("train", "test"))
    peer = KNeighborsClassifier(5, metric="cosine").fit(*train)
    assert baselines["baseline/raw_pixels_knn_accuracy"][0] == pytest.approx(peer.score(*test))
    (tested,) = make_trainer(1, NearestNeighbors()).test(model, data, verbose=False)
    assert tested["test/knn_accuracy"] == pytest.approx(logger.values["test/knn_accuracy"][15])


def test_tensorboard_gets_embedding_and_classes(tmp_path: Path) -> None:
    logger, data, model = TensorBoardLogger(tmp_path), TinyTwoViews(), make()
    trainer = make_trainer(1, EmbeddingProjector(30), FeatureBaselines(), ConfusionMatrix(), logger=logger)
    trainer.fit(model, data)
    trainer.test(model, data, verbose=False)
    folder = Path(logger.log_dir)
    assert (folder / "projector_config.pbtxt").is_file()
    (vectors,) = folder.rglob("tensors.tsv")
    assert np.loadtxt(vectors).shape == (30, 16)
    assert list(folder.rglob("sprite.png"))
    events = EventAccumulator(str(folder)).Reload()
    assert {"test/confusion_matrix", "test/class_accuracy"} <= set(events.Tags()["images"])


def test_idle_for_a_supervised_model() -> None:
    data, logger = IrisDataModule(), MemoryLogger()
    trainer = make_trainer(2, NearestNeighbors(), FeatureBaselines(), EmbeddingProjector(), logger=logger)
    model = make_model(data, Newton)
    trainer.fit(model, data)
    (tested,) = trainer.test(model, data, verbose=False)
    assert not [name for name in (*logger.values, *tested) if "knn" in name or "baseline" in name]


def test_bad_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="k=0"):
        NearestNeighbors(k=0)
    with pytest.raises(ValueError, match="k=0"):
        FeatureBaselines(k=0)
    with pytest.raises(ValueError, match="samples=0"):
        EmbeddingProjector(samples=0)
