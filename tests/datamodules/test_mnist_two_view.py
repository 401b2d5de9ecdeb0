"""Two views of every image: one at a time, and a batch at a time."""

from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch.utils.data import DataLoader

from datamodules import MNISTTwoView, MNISTTwoViewDataModule
from datamodules.serving.batch_sampler import share_of_process
from datamodules.serving.keyed_batches import BatchKey
from lightning_modules import SoftmaxRegression
from lightning_modules.optimizers import Newton
from tests.idx_files import write_mnist
from tests.training import METHODS, make_trainer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """MNIST in small: real files, random images."""
    root = tmp_path_factory.mktemp("mnist")
    write_mnist(root)
    return str(root)


class Batches(Callback):
    """Keeps what the model gets to see."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        self.seen.append(batch)


def seen(folder: str, epochs: int = 2, method: str = "adam", resume: str | None = None, **options: Any) -> list[Any]:
    """The training batches of a short fit."""
    data = MNISTTwoViewDataModule(folder, **({"batch_size": 40, "val_fraction": 0.2} | options))
    batches = Batches()
    trainer = make_trainer(epochs, batches)
    trainer.fit(SoftmaxRegression(784, 10, 0.1, optimizer=METHODS[method]), data, ckpt_path=resume, weights_only=True)
    if resume is None and epochs == 1:
        trainer.save_checkpoint(Path(folder) / "one.ckpt")
    return batches.seen


def test_items_of_the_dataset(folder: str) -> None:
    dataset = MNISTTwoView(folder)
    original, first, second, label = dataset[3]
    assert original.shape == first.shape == second.shape == (1, 28, 28)
    assert torch.equal(original, dataset.images.data[3][None] / 255)
    assert not torch.equal(first, second)
    assert isinstance(label, int)
    assert label == dataset.images.targets[3]


@pytest.mark.parametrize("workers", [0, 2])
def test_the_dataset_feeds_a_loader(folder: str, workers: int) -> None:
    loader = DataLoader(MNISTTwoView(folder, train=False), batch_size=8, num_workers=workers)
    original, first, _, labels = next(iter(loader))
    assert original.shape == (8, 1, 28, 28)
    assert first.min() >= 0
    assert first.max() <= 1
    assert labels.dtype is torch.int64


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"train-images-idx3-ubyte.*DigitsDataModule"):
        MNISTTwoView(str(tmp_path))


@pytest.mark.parametrize("augmentation", ["batched", "per_sample"])
def test_training_batches(folder: str, augmentation: str) -> None:
    batches = seen(folder, augmentation=augmentation)
    original, first, second, labels = batches[0]
    assert original.shape == first.shape == second.shape == (40, 1, 28, 28)
    assert original.dtype is torch.float64
    assert labels.dtype is torch.int64
    for part in (original, first, second):
        assert 0 <= part.min() < part.max() <= 1
    assert not torch.equal(first, second)


def test_a_run_repeats_exactly_and_epochs_differ(folder: str) -> None:
    first, again = seen(folder), seen(folder)
    for a, b in zip(first, again, strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))
    other = seen(folder, seed=1)
    assert not torch.equal(first[0][1], other[0][1])
    half = len(first) // 2
    assert not torch.equal(first[0][1], first[half][1])


def test_a_resumed_run_sees_the_same_views(folder: str) -> None:
    whole = seen(folder)
    seen(folder, epochs=1)
    rest = seen(folder, resume=str(Path(folder) / "one.ckpt"))
    for a, b in zip(whole[len(whole) // 2 :], rest, strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_processes_share_the_views_of_one(folder: str) -> None:
    """Every process draws the whole batch's parameters and keeps its share."""
    data = MNISTTwoViewDataModule(folder, batch_size=40, val_fraction=0.2)
    images, labels = (part[:11] for part in data.splits["train"])
    whole = data.convert((images, labels, BatchKey(0, 1, 2, 11, 0, 1)), torch.float32)
    for rank in range(3):
        rows = share_of_process(11, rank, 3)
        part = data.convert((images[rows], labels[rows], BatchKey(0, 1, 2, 11, rank, 3)), torch.float32)
        for x, y in zip(part, whole, strict=True):
            torch.testing.assert_close(x, y[rows])


def test_normalization_comes_after_augmentation(folder: str) -> None:
    plain, normal = seen(folder, epochs=1), seen(folder, epochs=1, normalize=True)
    torch.testing.assert_close(normal[0][1], (plain[0][1] - 0.1307) / 0.3081)


def test_supervised_models_take_both_views_as_examples(folder: str) -> None:
    batch = seen(folder, epochs=1)[0]
    model = SoftmaxRegression(784, 10, optimizer=Newton).double()
    objective = model.objective(batch)
    assert objective.num_rows == 80
    assert torch.equal(objective.targets, torch.cat([batch[3], batch[3]]))
    assert torch.equal(objective.features[40:], batch[2].flatten(1))


@pytest.mark.parametrize("method", ["adam", "gradient_descent", "newton_cg", "diagonal_newton"])
def test_every_kind_of_method_trains_on_views(folder: str, method: str) -> None:
    data = MNISTTwoViewDataModule(folder, batch_size=None, val_fraction=0.2)
    model, trainer = SoftmaxRegression(784, 10, 0.1, optimizer=METHODS[method]), make_trainer(3)
    trainer.fit(model, data)
    assert trainer.global_step == 3
    assert model.linear.weight.abs().max() > 0
    assert model.convergence().status == "budget"


@pytest.mark.parametrize(
    ("options", "cause"),
    [({"augmentation": "x"}, "choose 'batched'"), ({"num_workers": -1}, "num_workers=-1"), ({"batch_size": 0}, "batch_size=0")],
)
def test_bad_options(folder: str, options: dict[str, Any], cause: str) -> None:
    with pytest.raises(ValueError, match=cause):
        MNISTTwoViewDataModule(folder, **options)
