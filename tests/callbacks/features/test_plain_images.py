"""Who judges images as they are has no views made: they are made for training, and for who looks at them."""

from pathlib import Path
from typing import Any

import pytest
import torch
from command_line.base_config import CONFIGS, read_config
from command_line.fit_cli import FitCLI
from command_line.fitting import fit

from callbacks.plain_batches import plain_batches
from datamodules import MNISTTwoViewDataModule, mnist_two_view_data_module
from tests.idx_files import write_mnist
from tests.training import make_trainer
from tests.two_view_data import TinyTwoViews

EPOCHS, STEPS = 2, 5  # of an epoch: 500 images of 600 for training, in batches of 100
MLP = {
    "class_path": "MLP",
    "init_args": {"widths": [784, 4, 10], "optimizer": {"class_path": "Adam", "init_args": {"lr": 0.01}}},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    root = tmp_path_factory.mktemp("mnist")
    write_mnist(root, 600, 60)
    return str(root)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many images got views, each time that some were made."""
    images, make = [], mnist_two_view_data_module.batched_views

    def counted(originals: torch.Tensor, *others: Any) -> tuple[torch.Tensor, ...]:
        images.append(len(originals))
        return make(originals, *others)

    monkeypatch.setattr(mnist_two_view_data_module, "batched_views", counted)
    return images


def fit_as_shipped(folder: str, root: Path, **changes: Any) -> None:
    """The shipped configuration with its callbacks, and the baselines; fit and test, in small."""
    config = read_config(CONFIGS / "mnist_two_view_simclr_adam.yaml") | changes
    config["data"]["init_args"] |= {"data_dir": folder, "batch_size": 100}
    config["trainer"] |= {
        "max_epochs": EPOCHS,
        "default_root_dir": str(root),
        "enable_progress_bar": False,
        "accelerator": "cpu",
    }
    if "model" not in changes:
        config["model"]["init_args"] |= {"features": 8, "channels": 8}
    fit(FitCLI({**config, "feature_baselines": "model" not in changes}))


def test_simclr_has_views_made_for_its_steps_alone(folder: str, made: list[int], tmp_path: Path) -> None:
    fit_as_shipped(folder, tmp_path)
    assert made == EPOCHS * STEPS * [100]


def test_without_plain_images_most_views_are_made_for_nobody(
    folder: str, made: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control."""
    monkeypatch.delattr(MNISTTwoViewDataModule, "plain_dataloader")
    fit_as_shipped(folder, tmp_path)
    assert len(made) > 4 * EPOCHS * STEPS


def test_a_network_has_views_made_for_who_looks_at_them(folder: str, made: list[int], tmp_path: Path) -> None:
    """Its loss is of both views: so are its metrics of the training rows after each epoch, and the verdict on the fit."""
    fit_as_shipped(folder, tmp_path, model=MLP)
    assert len(made) == STEPS * (EPOCHS + EPOCHS + 1)


@pytest.mark.parametrize("batch_size", [100, None])
@pytest.mark.parametrize("augmentation", ["batched", "per_sample"])
def test_plain_images_are_the_originals_in_their_order(folder: str, augmentation: Any, batch_size: int | None) -> None:
    data = MNISTTwoViewDataModule(folder, batch_size=batch_size, normalize=True, augmentation=augmentation)
    cpu = torch.device("cpu")
    views = [data.transfer_batch_to_device(batch, cpu, 0) for batch in data.train_dataloader()]
    plain = [data.transfer_batch_to_device(batch, cpu, 0) for batch in data.plain_dataloader("train")]
    for (original, _, _, label), (image, same_label) in zip(views, plain, strict=True):
        assert torch.equal(original.flatten(1), image) and torch.equal(label, same_label)
    for split in ("val", "test"):
        theirs = getattr(data, f"{split}_dataloader")()
        for batch, other in zip(data.plain_dataloader(split), theirs, strict=True):
            assert all(torch.equal(part, same) for part, same in zip(batch, other, strict=True))


def test_a_part_without_rows_is_an_empty_loader(folder: str) -> None:
    assert list(MNISTTwoViewDataModule(folder, val_fraction=0).plain_dataloader("val")) == []


def test_full_batches_are_made_once_but_for_their_views(folder: str) -> None:
    """Each epoch has views of its own; the images of validation stay what they are."""
    data, cpu = MNISTTwoViewDataModule(folder, batch_size=None), torch.device("cpu")
    (with_views,), (plain,) = list(data.train_dataloader()), list(data.plain_dataloader("train"))
    assert not data.is_full_batch(with_views) and data.is_full_batch(plain)
    first, again = (data.transfer_batch_to_device(plain, cpu, 0) for _ in range(2))
    assert first[0] is again[0]


def test_data_that_serve_no_plain_images_give_their_batches() -> None:
    data, trainer = TinyTwoViews(), make_trainer(1)
    trainer.datamodule = data  # type: ignore[attr-defined]
    assert len(next(iter(plain_batches(trainer, "train")))) == 4
    assert len(next(iter(plain_batches(trainer, "test")))) == 2
