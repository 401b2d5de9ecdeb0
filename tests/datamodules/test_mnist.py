"""MNIST: its splits, its pixels, its digits. The loading is shown on small files everywhere."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torchvision.datasets import MNIST
from torchvision.transforms import Normalize

from datamodules import DigitsDataModule, MNISTDataModule
from tests.idx_files import write_mnist

Written = dict[str, tuple[NDArray[np.uint8], NDArray[np.uint8]]]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """300 training and 60 test images in `tmp_path`."""
    return write_mnist(tmp_path)


def rows(images: Any, labels: Any) -> list[bytes]:
    """Image and label of each row, in an order of their own."""
    return sorted(bytes(image) + bytes([int(label)]) for image, label in zip(np.asarray(images), labels, strict=True))


def test_official_test_images_are_the_test(tmp_path: Path, written: Written) -> None:
    data = MNISTDataModule(str(tmp_path))
    data.prepare_data()
    data.setup("fit")
    assert {name: len(labels) for name, (_, labels) in data.splits.items()} == {"train": 250, "val": 50, "test": 60}
    images, labels = data.splits["test"]
    np.testing.assert_array_equal(images.numpy(), written["t10k"][0].reshape(60, 784))
    np.testing.assert_array_equal(labels.numpy(), written["t10k"][1])
    parts = [data.splits[name] for name in ("train", "val")]
    together = [torch.cat(tensors).numpy() for tensors in zip(*parts, strict=True)]
    assert rows(*together) == rows(written["train"][0].reshape(300, 784), written["train"][1])


def test_a_test_fraction_is_of_the_training_images(tmp_path: Path, written: Written) -> None:
    data = MNISTDataModule(str(tmp_path), val_fraction=0.2, test_fraction=0.2)
    assert [len(labels) for _, labels in data.splits.values()] == [180, 60, 60]
    together = [torch.cat(tensors).numpy() for tensors in zip(*data.splits.values(), strict=True)]
    assert rows(*together) == rows(written["train"][0].reshape(300, 784), written["train"][1])


def test_images_stay_uint8_until_a_batch_is_on_the_device(tmp_path: Path, written: Written) -> None:
    data = MNISTDataModule(str(tmp_path))
    ((images, labels),) = data.train_dataloader()
    assert (images.dtype, labels.dtype) == (torch.uint8, torch.int64)
    assert images.data_ptr() == data.splits["train"][0].data_ptr(), "a full batch is a view"
    pixels, same = data.transfer_batch_to_device((images, labels), torch.device("cpu"), 0)
    assert torch.equal(pixels, images.float() / 255)
    assert same is labels


def test_normalize_is_torchvisions(tmp_path: Path, written: Written) -> None:
    images = torch.from_numpy(written["t10k"][0])
    normalized = MNISTDataModule(str(tmp_path), normalize=True).to_pixels(images, torch.float32)
    assert torch.equal(normalized, Normalize(0.1307, 0.3081)(images.float().div(255)))


def test_chosen_digits(tmp_path: Path, written: Written) -> None:
    data = MNISTDataModule(str(tmp_path), digits=[7, 2], val_fraction=0.2)
    assert (data.num_classes, data.class_names, data.num_features) == (2, ("2", "7"), 784)
    assert [len(labels) for _, labels in data.splits.values()] == [48, 12, 12]
    images, labels = written["t10k"]
    kept = np.isin(labels, [2, 7])
    np.testing.assert_array_equal(data.splits["test"][0].numpy(), images[kept].reshape(-1, 784))
    np.testing.assert_array_equal(data.splits["test"][1].numpy(), labels[kept] == 7)


def test_sizes_are_known_without_the_files(tmp_path: Path) -> None:
    data = MNISTDataModule(str(tmp_path / "nothing"), digits=[0, 1, 5])
    assert (data.num_features, data.num_classes, data.num_targets) == (784, 3, 1)


def test_the_default_folder_is_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_mnist(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    assert len(MNISTDataModule().splits["test"][1]) == 60


def test_the_bundled_alternative_takes_the_same_options() -> None:
    options = {"batch_size": 32, "val_fraction": 0.1, "test_fraction": 0.3, "seed": 1, "digits": [0, 1], "normalize": True}
    for module in (MNISTDataModule, DigitsDataModule):
        assert module(**options).class_names == ("0", "1")  # type: ignore[arg-type]


# -- The real images ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "counts"),
    [
        pytest.param({"digits": [0, 1], "val_fraction": 0.2, "test_fraction": 0.2}, [7599, 2533, 2533], id="S8"),
        pytest.param({"val_fraction": 0.2, "test_fraction": 0.2}, [36000, 12000, 12000], id="S9"),
        pytest.param({}, [50000, 10000, 10000], id="S10"),
    ],
)
def test_counts_of_the_published_splits(data_dir: str, options: dict[str, Any], counts: list[int]) -> None:
    data = MNISTDataModule(data_dir, **options)
    assert [len(labels) for _, labels in data.splits.values()] == counts
    shares = [np.bincount(labels) / len(labels) for _, labels in data.splits.values()]
    np.testing.assert_allclose(shares[0], shares[1], atol=1.5 / len(data.splits["val"][1]))
    if options:
        np.testing.assert_allclose(shares[0], shares[2], atol=1.5 / len(data.splits["test"][1]))


def test_real_images_are_the_official_ones(data_dir: str) -> None:
    data = MNISTDataModule(data_dir)
    official = MNIST(data_dir, train=False)
    assert torch.equal(data.splits["test"][0].view(-1, 28, 28), official.data)
    assert torch.equal(data.splits["test"][1], official.targets)
    pixels = data.to_pixels(torch.cat([data.splits["train"][0], data.splits["val"][0]]), torch.float32)
    assert float(pixels.mean()) == pytest.approx(MNISTDataModule.mean, abs=1e-4)
    assert float(pixels.std()) == pytest.approx(MNISTDataModule.std, abs=1e-4)
